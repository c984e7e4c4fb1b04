variable "create_repository" {
  description = "Whether to make an ECR repository. Not where images go to another registry, or the target takes none."
  type        = bool
  default     = true
}

variable "force_destroy" {
  description = "Whether destroying takes the bucket's objects and the repository's images along. `windlass deploy destroy` sets it."
  type        = bool
  default     = false
}

variable "keep_images" {
  description = "How many images the repository keeps. Those of releases that failed count too, so it is more than a rollback needs."
  type        = number
  default     = 200
}

variable "keep_versions_days" {
  description = "Days that former versions of the state are kept."
  type        = number
  default     = 90
}

variable "name" {
  description = "Names everything that is made."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 24 && !startswith(var.name, "internal-")
    error_message = "name is 1 to 24 lower-case letters, digits and single hyphens, begins with a letter and not with internal-."
  }
}

variable "recovery_window" {
  description = "Days a destroyed secret can be had back, during which nothing else can have its name. 0: gone at once."
  type        = number
  default     = 7
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "repository" {
  description = "The repository. Default: name."
  type        = string
  default     = null
}

variable "secret_names" {
  description = "Environment variables whose values are secrets."
  type        = set(string)
  default     = []
}

variable "state_bucket" {
  description = "The bucket; its name is unique in all of S3."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.state_bucket))
    error_message = "A bucket's name is 3 to 63 lower-case letters, digits and hyphens; dots break TLS."
  }
}

variable "tags" {
  description = "Tags of everything that is made."
  type        = map(string)
  default     = {}
}
