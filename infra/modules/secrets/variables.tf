variable "kms_key_arn" {
  description = "Key of the secrets. Default: the account's own key of Secrets Manager."
  type        = string
  default     = null
}

variable "name" {
  description = "First part of every secret's name."
  type        = string
}

variable "names" {
  description = "Environment variables whose values are secrets. Each gets the secret `NAME/VARIABLE`, empty."
  type        = set(string)

  validation {
    condition     = alltrue([for name in var.names : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", name))])
    error_message = "A secret is named as the environment variable it fills: letters, digits and underscores, no digit first."
  }
}

variable "recovery_window" {
  description = "Days a destroyed secret can be had back, during which nothing else can have its name. 0: gone at once."
  type        = number
  default     = 7

  validation {
    condition     = var.recovery_window == 0 || (var.recovery_window >= 7 && var.recovery_window <= 30)
    error_message = "Secrets Manager keeps a destroyed secret for 7 to 30 days, or not at all (0)."
  }
}
