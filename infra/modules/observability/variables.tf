variable "alarms" {
  description = "Alarms by short name. Each becomes `NAME-SHORT`, and tells the topic when it starts and when it ends."
  type = map(object({
    namespace          = string
    metric             = string
    dimensions         = map(string)
    statistic          = string
    threshold          = number
    comparison         = optional(string, "GreaterThanThreshold")
    period             = optional(number, 60)
    evaluation_periods = optional(number, 1)
    treat_missing      = optional(string, "notBreaching")
    description        = string
  }))
  default = {}

  validation {
    condition     = alltrue([for alarm in var.alarms : contains(["missing", "ignore", "breaching", "notBreaching"], alarm.treat_missing)])
    error_message = "treat_missing is one of missing, ignore, breaching, notBreaching."
  }

  validation {
    condition     = alltrue([for alarm in var.alarms : contains([10, 20, 30], alarm.period) || alarm.period % 60 == 0])
    error_message = "An alarm's period is 10, 20 or 30 seconds, or a multiple of 60."
  }

  validation {
    condition     = alltrue([for alarm in var.alarms : length(alarm.description) > 0])
    error_message = "Every alarm has a description: whoever it wakes reads nothing else first."
  }
}

variable "broken" {
  description = "Short names of the alarms of which any one means that clients are not served. They also make up `NAME-broken`, the one to page on. Empty: no such alarm."
  type        = list(string)
  default     = []
}

variable "dashboard" {
  description = "Widgets of the dashboard `NAME`, as CloudWatch writes them. Empty: no dashboard."
  type        = any
  default     = []
}

variable "emails" {
  description = "Addresses that are told. Each has to confirm a message from AWS first."
  type        = set(string)
  default     = []
}

variable "kms_key_arn" {
  description = "Key of the log groups and the topic. Its policy has to let CloudWatch Logs and CloudWatch use it. Default: keys that AWS owns."
  type        = string
  default     = null
}

variable "log_groups" {
  description = "Log groups by their full name, and the days their lines are kept."
  type = map(object({
    retention = optional(number, 30)
  }))
  default = {}

  validation {
    condition     = alltrue([for group in var.log_groups : contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], group.retention)])
    error_message = "CloudWatch Logs keeps lines for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731 or more days, not for any number between."
  }
}

variable "name" {
  description = "Names everything that is made here."
  type        = string
}

variable "queries" {
  description = "Logs Insights queries by short name. Each is saved as `NAME/SHORT` and asks every log group made here."
  type        = map(string)
  default     = {}
}
