variable "architecture" {
  description = "Processor the package was built for: `arm64` or `x86_64`."
  type        = string
  default     = "x86_64"
}

variable "concurrency_alarm" {
  description = "Without reserved_concurrency: instances at once that an alarm is raised at. A new account may run 1000 of all functions together."
  type        = number
  default     = 100
}

variable "emails" {
  description = "Addresses that alarms are told to. Each has to confirm a message from AWS first."
  type        = set(string)
  default     = []
}

variable "embedding_models" {
  description = "Models of Amazon Bedrock that may be asked for vectors, by ARN: `arn:aws:bedrock:REGION::foundation-model/amazon.titan-embed-text-v2:0`."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.embedding_models : can(regex("^arn:[a-z-]+:bedrock:[a-z0-9-]+:[0-9]{0,12}:(foundation-model|inference-profile|provisioned-model)/[^*]+$", arn))])
    error_message = "Each of `embedding_models` is the ARN of one model of Bedrock."
  }
}

variable "environment" {
  description = "Environment variables of the server. Nothing secret: they stand in the state."
  type        = map(string)
  default     = {}
}

variable "function_url" {
  description = "Who may use the function URL, which streams: `AWS_IAM`, `NONE` (everybody, with a token of the server) or `off`."
  type        = string
  default     = "AWS_IAM"
}

variable "image" {
  description = "Image in ECR, by digest, instead of `package`."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "Key of whatever is kept: environment, logs, bucket, table, topic. Default: keys that AWS owns."
  type        = string
  default     = null
}

variable "log_retention" {
  description = "Days the logs are kept."
  type        = number
  default     = 30
}

variable "memory" {
  description = "Memory of the function in MB; the processor share grows with it."
  type        = number
  default     = 512
}

variable "name" {
  description = "Names everything that is made here."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,26}[a-z0-9]$", var.name))
    error_message = "name is 2 to 28 lower-case letters, digits and hyphens, and begins with a letter: it becomes part of a bucket's name."
  }
}

variable "package" {
  description = "Path of the zip with `bootstrap` in it. Or else `image`."
  type        = string
  default     = null
}

variable "package_hash" {
  description = "SHA-256 of the zip, in base64. Default: that of the file as it is."
  type        = string
  default     = null
}

variable "protect" {
  description = "Whether destroying the stack refuses while the bucket or the table exist with something in them."
  type        = bool
  default     = false
}

variable "provisioned_concurrency" {
  description = "Instances kept warm; paid by the hour."
  type        = number
  default     = 0
}

variable "queries" {
  description = "Logs Insights queries by short name."
  type        = map(string)
  default     = {}
}

variable "refresh_memory" {
  description = "Memory of the refreshing function in MB; the processor share grows with it."
  type        = number
  default     = 1024
}

variable "refresh_schedule" {
  description = "When the search index is refreshed, as EventBridge writes it: `rate(1 hour)`, `cron(0 2 * * ? *)`. Null: there is no function that does."
  type        = string
  default     = null
}

variable "refresh_sources" {
  description = "What a refresh may read in S3 as a source of documents: `BUCKET` or `BUCKET/PREFIX/`."
  type        = list(string)
  default     = []
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "release" {
  description = "The release, by its version."
  type        = string
}

variable "reserved_concurrency" {
  description = "Most instances at once, taken from the account's. -1: no limit but the account's."
  type        = number
  default     = -1
}

variable "s3_path_style" {
  description = "Whether buckets stand in the path of S3's URLs rather than in the host name: for what stands in for AWS."
  type        = bool
  default     = false
}

variable "secrets" {
  description = "Secrets by the environment variable they fill: ARNs in Secrets Manager."
  type        = map(string)
  default     = {}
}

variable "slow_alarm_ms" {
  description = "Milliseconds that 95 of 100 calls should stay below."
  type        = number
  default     = 2000
}

variable "tags" {
  description = "Tags of everything that is made here."
  type        = map(string)
  default     = {}
}

variable "throttle" {
  description = "Requests the API lets through: in the long run per second (`rate`), and at once (`burst`)."
  type = object({
    burst = optional(number, 100)
    rate  = optional(number, 50)
  })
  default = {}
}

variable "timeout" {
  description = "Seconds a call may take. Beyond 30 only through the function URL: the API has given up by then."
  type        = number
  default     = 30
}
