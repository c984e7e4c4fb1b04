variable "kms_key_arn" {
  description = "Key of the bucket and the table. Default: keys that AWS owns."
  type        = string
  default     = null
}

variable "name" {
  description = "Names everything that is made here."
  type        = string
}

variable "outputs_days" {
  description = "Days after which an output is deleted. Handles expire sooner, by the server's `store.ttl`; this is what sweeps behind them."
  type        = number
  default     = 2

  validation {
    condition     = var.outputs_days >= 1
    error_message = "S3 deletes by whole days: outputs_days is 1 or more."
  }
}

variable "protect" {
  description = "Whether destroying this refuses while anything is in it. Off: outputs expire by themselves and the index can be made again."
  type        = bool
  default     = false
}

variable "region" {
  description = "AWS region; part of the bucket's name, which is unique in the world."
  type        = string
}
