variable "access_log_group_arn" {
  description = "ARN of the log group for one line per request to the API."
  type        = string
}

variable "architecture" {
  description = "Processor the package was built for: `arm64` or `x86_64`."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is arm64 or x86_64."
  }
}

variable "environment" {
  description = "Environment variables. Nothing secret: they stand in the state and in the console."
  type        = map(string)
  default     = {}
}

variable "function_url" {
  description = "Who may use the function URL, which streams: `AWS_IAM` for callers with AWS credentials, `NONE` for everybody (the server still asks for a token), `off` for no URL."
  type        = string
  default     = "AWS_IAM"

  validation {
    condition     = contains(["AWS_IAM", "NONE", "off"], var.function_url)
    error_message = "function_url is AWS_IAM, NONE or off."
  }
}

variable "image" {
  description = "Image in ECR, by digest, instead of `package`."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "An image is named by its digest (REPOSITORY@sha256:...): a tag may be another image tomorrow."
  }
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
  default     = 512

  validation {
    condition     = var.memory >= 128 && var.memory <= 10240
    error_message = "Lambda gives a function 128 to 10240 MB."
  }
}

variable "name" {
  description = "Names the function and everything beside it."
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

  validation {
    condition     = var.package_hash == null || can(regex("^[A-Za-z0-9+/]{43}=$", var.package_hash))
    error_message = "package_hash is a SHA-256 in base64: 43 characters and an equals sign."
  }
}

variable "policies" {
  description = "What else the function may do, as policy documents."
  type        = list(string)
  default     = []
}

variable "provisioned_concurrency" {
  description = "Instances kept warm behind the alias; paid by the hour."
  type        = number
  default     = 0
}

variable "release" {
  description = "The release, by its version."
  type        = string
}

variable "reserved_concurrency" {
  description = "Most instances at once, taken from the account's. -1: no limit but the account's."
  type        = number
  default     = -1

  validation {
    condition     = var.reserved_concurrency == -1 || var.reserved_concurrency > 0
    error_message = "reserved_concurrency is 1 or more, or -1 for no limit of its own. (0 would stop the function altogether.)"
  }
}

variable "secrets" {
  description = "Secrets by the environment variable they fill: ARNs in Secrets Manager."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for arn in values(var.secrets) : can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:", arn))])
    error_message = "Each of `secrets` is the ARN of a secret in Secrets Manager. Never its value: that would stand in the state."
  }
}

variable "throttle" {
  description = "Requests the API lets through: in the long run per second (`rate`), and at once (`burst`)."
  type = object({
    burst = optional(number, 100)
    rate  = optional(number, 50)
  })
  default = {}

  validation {
    condition     = var.throttle.burst > 0 && var.throttle.rate > 0
    error_message = "A throttle of 0 lets nothing through."
  }
}

variable "timeout" {
  description = "Seconds a call may take. Beyond 30 only through the function URL: the API has given up by then."
  type        = number
  default     = 30

  validation {
    condition     = var.timeout >= 3 && var.timeout <= 900
    error_message = "Lambda lets a call take up to 900 seconds; below 3 a cold start may not fit."
  }
}
