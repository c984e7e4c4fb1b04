variable "force_delete" {
  description = "Whether destroying the repository destroys the images in it."
  type        = bool
  default     = false
}

variable "keep" {
  description = "How many releases are kept: as far back as a rollback reaches."
  type        = number
  default     = 10

  validation {
    condition     = var.keep >= 2
    error_message = "Keep at least 2 releases: with one there is nothing to go back to."
  }
}

variable "keep_untagged_days" {
  description = "Days that what no tag names is kept."
  type        = number
  default     = 14
}

variable "kms_key_arn" {
  description = "Key of the images. Default: the account's own key of ECR."
  type        = string
  default     = null
}

variable "name" {
  description = "The repository."
  type        = string
}
