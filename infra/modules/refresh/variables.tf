variable "architecture" {
  description = "Processor the package was built for: `arm64` or `x86_64`."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is arm64 or x86_64."
  }
}

variable "disk" {
  description = "Megabytes below /tmp, where repositories and pieces of the index are held while it works."
  type        = number
  default     = 2048

  validation {
    condition     = var.disk >= 512 && var.disk <= 10240
    error_message = "Lambda gives a function 512 to 10240 MB of disk."
  }
}

variable "environment" {
  description = "Environment variables. Nothing secret: they stand in the state and in the console."
  type        = map(string)
  default     = {}
}

variable "image" {
  description = "Image in ECR, by digest, instead of `package`."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "Key of the environment. Default: Lambda's own."
  type        = string
  default     = null
}

variable "log_group" {
  description = "Name of the log group the function writes to."
  type        = string
}

variable "log_group_arn" {
  description = "ARN of the log group the function writes to."
  type        = string
}

variable "memory" {
  description = "Memory in MB; the processor share grows with it."
  type        = number
  default     = 1024

  validation {
    condition     = var.memory >= 128 && var.memory <= 10240
    error_message = "Lambda gives a function 128 to 10240 MB."
  }
}

variable "name" {
  description = "Names the deployment; the function is NAME-refresh."
  type        = string
}

variable "package" {
  description = "Path of the zip, with `bootstrap` in it. Or else `image`."
  type        = string
  default     = null
}

variable "package_hash" {
  description = "SHA-256 of the zip, in base64, as Lambda calls it CodeSha256. Default: that of the file as it is."
  type        = string
  default     = null
}

variable "policies" {
  description = "What else the function may do, as policy documents: to write the index is one."
  type        = list(string)
  default     = []
}

variable "release" {
  description = "The release, by its version."
  type        = string
}

variable "schedule" {
  description = "When, as EventBridge writes it: `rate(1 hour)`, `cron(0 2 * * ? *)` (UTC)."
  type        = string

  validation {
    condition     = can(regex("^(rate|cron)\\(.+\\)$", var.schedule))
    error_message = "A schedule is rate(...) or cron(...), as EventBridge writes it: rate(1 hour), cron(0 2 * * ? *)."
  }
}

variable "secrets" {
  description = "Secrets by the environment variable they fill: ARNs in Secrets Manager. Those of callers are left out."
  type        = map(string)
  default     = {}
}

variable "sources" {
  description = "What may be read in S3 as a source of documents: `BUCKET` or `BUCKET/PREFIX/`."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for source in var.sources : can(regex("^[a-z0-9][a-z0-9.-]+(/[^*?]*)?$", source))])
    error_message = "Each of `sources` is BUCKET or BUCKET/PREFIX/, without s3:// and without wildcards."
  }
}

variable "timeout" {
  description = "Seconds a refresh may take."
  type        = number
  default     = 900
}
