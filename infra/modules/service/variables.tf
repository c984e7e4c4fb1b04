variable "architecture" {
  description = "What the image was built for: X86_64 or ARM64."
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["X86_64", "ARM64"], var.architecture)
    error_message = "architecture is X86_64 or ARM64."
  }
}

variable "autoscaling" {
  description = "Between how many replicas, and at what use of the CPU (percent) and requests a minute and replica the service grows. null: it does not."
  type = object({
    min                = optional(number, 2)
    max                = optional(number, 10)
    cpu                = optional(number, 70)
    requests           = optional(number, 1000)
    scale_in_cooldown  = optional(number, 300)
    scale_out_cooldown = optional(number, 60)
  })
  default = {}

  validation {
    condition     = var.autoscaling == null ? true : var.autoscaling.min >= 1 && var.autoscaling.max >= var.autoscaling.min
    error_message = "autoscaling.min is at least 1 and at most autoscaling.max."
  }
}

variable "capacity" {
  description = "Shares of FARGATE and FARGATE_SPOT: the first `base` replicas, then by weight. Spot replicas may be taken away with two minutes' notice."
  type = map(object({
    base   = optional(number, 0)
    weight = optional(number, 0)
  }))
  default = { FARGATE = { weight = 1 } }

  validation {
    condition     = alltrue([for provider in keys(var.capacity) : contains(["FARGATE", "FARGATE_SPOT"], provider)])
    error_message = "capacity has shares of FARGATE and FARGATE_SPOT, nothing else."
  }

  validation {
    condition     = length([for share in var.capacity : share if share.base > 0]) <= 1 && sum(concat([0], [for share in var.capacity : share.weight])) > 0
    error_message = "One of capacity's shares at most has a base, and one at least a weight."
  }
}

variable "clients" {
  description = "Security groups that may reach the tasks, by a name for the rule."
  type        = map(string)
  default     = {}
}

variable "cluster_arn" {
  description = "The ECS cluster."
  type        = string
}

variable "cluster_name" {
  description = "The ECS cluster's name."
  type        = string
}

variable "command" {
  description = "Arguments instead of the image's own."
  type        = list(string)
  default     = []
}

variable "cpu" {
  description = "CPU units of a task; 1024 are one vCPU."
  type        = number
  default     = 512

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.cpu)
    error_message = "Fargate has tasks of 256, 512, 1024, 2048, 4096, 8192 and 16384 CPU units."
  }
}

variable "desired_count" {
  description = "Replicas to begin with."
  type        = number
  default     = 2
}

variable "discovery" {
  description = "Cloud Map namespace the service is found in, and its name there. null: none."
  type = object({
    namespace_id = string
    name         = string
  })
  default = null
}

variable "egress" {
  description = "Whom the tasks reach over TCP, by a description: a port, and one of cidr, prefix_list_id, security_group_id."
  type = map(object({
    port              = number
    cidr              = optional(string)
    prefix_list_id    = optional(string)
    security_group_id = optional(string)
  }))
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
  default     = {}
}

variable "ephemeral_storage" {
  description = "GiB of disk of a task, 21 to 200. Default: Fargate's 20."
  type        = number
  default     = null
}

variable "execute_command" {
  description = "Whether `aws ecs execute-command` may open a session in a task."
  type        = bool
  default     = false
}

variable "health_check_grace_period" {
  description = "Seconds after its start in which a task is not judged by the load balancer."
  type        = number
  default     = 60
}

variable "image" {
  description = "The image, by digest."
  type        = string

  validation {
    condition     = can(regex("^[^\\s@]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image names a digest: REPOSITORY@sha256:... A tag can be moved to what nobody tested."
  }
}

variable "kms_key_arns" {
  description = "Keys the secrets are encrypted with, where they are not the account's own."
  type        = list(string)
  default     = []
}

variable "load_balancer" {
  description = "The target group the tasks register in, and how metrics name it and its balancer. null: none."
  type = object({
    target_group_arn        = string
    target_group_arn_suffix = string
    arn_suffix              = string
  })
  default = null
}

variable "log_group" {
  description = "Log group of the tasks."
  type        = string
}

variable "log_group_arn" {
  description = "Its ARN."
  type        = string
}

variable "memory" {
  description = "MiB of a task."
  type        = number
  default     = 1024
}

variable "name" {
  description = "Names everything that is made here."
  type        = string
}

variable "permissions" {
  description = "What the tasks may do in AWS, by a name of letters and digits for the statement. Empty: nothing."
  type = map(object({
    actions   = list(string)
    resources = list(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for grant in var.permissions : !contains(grant.resources, "*") && length(grant.resources) > 0])
    error_message = "Every permission names its resources; \"*\" is none."
  }

  validation {
    condition     = alltrue([for grant in var.permissions : alltrue([for action in grant.actions : can(regex("^[a-z0-9-]+:[A-Za-z]+$", action))])])
    error_message = "Every permission names its actions in full, without wildcards."
  }
}

variable "port" {
  description = "Port the server listens on."
  type        = number
  default     = 8080
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "release" {
  description = "Version of what is deployed."
  type        = string
}

variable "secrets" {
  description = "Environment variables that are filled from Secrets Manager, by ARN."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for arn in values(var.secrets) : can(regex("^arn:[a-z0-9-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+(:[^:*]*:[^:*]*:[^:*]*)?$", arn))])
    error_message = "A secret is given by its whole ARN in Secrets Manager, never by its value and never with a wildcard."
  }
}

variable "stop_timeout" {
  description = "Seconds between SIGTERM and SIGKILL; longer than the server drains, at most 120."
  type        = number
  default     = 30

  validation {
    condition     = var.stop_timeout >= 2 && var.stop_timeout <= 120
    error_message = "Fargate waits 2 to 120 seconds."
  }
}

variable "subnet_ids" {
  description = "Where the tasks run."
  type        = list(string)
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "wait" {
  description = "Whether an apply waits until the roll-out is over."
  type        = bool
  default     = false
}
