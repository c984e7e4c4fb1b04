# First what `windlass deploy` always gives, then what `deploy.variables` may change.

variable "environment" {
  description = "Environment variables of the server."
  type        = map(string)
  default     = {}
}

variable "image" {
  description = "The image, by digest."
  type        = string

  validation {
    condition     = can(regex("^[^\\s@]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image names a digest: REPOSITORY@sha256:... A tag can be moved to what nobody tested."
  }
}

variable "name" {
  description = "Names everything that is made."
  type        = string

  # The load balancer's name has 32 characters and no word before it.
  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 24 && !startswith(var.name, "internal-")
    error_message = "name is 1 to 24 lower-case letters, digits and single hyphens, begins with a letter and not with internal-."
  }
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "release" {
  description = "Version of what is deployed."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$", var.release))
    error_message = "release is what an image's tag may be: letters, digits, dots, hyphens, underscores."
  }
}

variable "secrets" {
  description = "Environment variables that are filled from Secrets Manager, by ARN."
  type        = map(string)
  default     = {}
}

variable "tags" {
  description = "Tags of everything that is made."
  type        = map(string)
  default     = {}
}

# ----------------------------------------------------------------------------------------------------------------------

variable "access_logs_bucket" {
  description = "S3 bucket for the load balancer's access logs. Default: none are written."
  type        = string
  default     = null
}

variable "alarm_emails" {
  description = "Addresses that alarms are sent to."
  type        = set(string)
  default     = []
}

variable "architecture" {
  description = "What the image was built for: X86_64 or ARM64."
  type        = string
  default     = "X86_64"
}

variable "autoscaling" {
  description = "Replicas (min, max), use of the CPU in percent and requests a minute and replica to aim at, seconds between changes. null: the number stays."
  type = object({
    min                = optional(number, 2)
    max                = optional(number, 10)
    cpu                = optional(number, 70)
    requests           = optional(number, 1000)
    scale_in_cooldown  = optional(number, 300)
    scale_out_cooldown = optional(number, 60)
  })
  default = {}
}

variable "availability_zones" {
  description = "Zones to use. Default: the region's first two."
  type        = list(string)
  default     = null
}

variable "capacity" {
  description = "Shares of FARGATE and FARGATE_SPOT: the first `base` replicas, then by `weight`."
  type = map(object({
    base   = optional(number, 0)
    weight = optional(number, 0)
  }))
  default = { FARGATE = { weight = 1 } }
}

variable "certificate_arn" {
  description = "ACM certificate of the load balancer. Default: one is issued where domain and zone_id are given."
  type        = string
  default     = null
}

variable "cidr" {
  description = "Addresses of the network."
  type        = string
  default     = "10.0.0.0/16"
}

variable "clients" {
  description = "IPv4 ranges that may connect. Default: the network itself; everybody where the stack is public."
  type        = set(string)
  default     = null
}

variable "composite_alarm" {
  description = "Whether to make NAME-broken, the one alarm to page on."
  type        = bool
  default     = true
}

variable "cpu" {
  description = "CPU units of a task; 1024 are one vCPU."
  type        = number
  default     = 512
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the load balancer, also to `windlass deploy destroy`."
  type        = bool
  default     = false
}

variable "desired_count" {
  description = "Replicas to begin with; after that scaling owns the number."
  type        = number
  default     = 2
}

variable "domain" {
  description = "Name clients use. Needs certificate_arn, or zone_id."
  type        = string
  default     = null
}

variable "egress" {
  description = "Whom the tasks may reach over TCP beside AWS and HTTPS, by a description, such as a database: port, and one of cidr, prefix_list_id, security_group_id."
  type = map(object({
    port              = number
    cidr              = optional(string)
    prefix_list_id    = optional(string)
    security_group_id = optional(string)
  }))
  default = {}
}

variable "endpoints" {
  description = "AWS services that are reached without the internet. Each costs by the hour and zone."
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr", "logs", "secretsmanager"]
}

variable "execute_command" {
  description = "Whether `aws ecs execute-command` may open a session in a task."
  type        = bool
  default     = false
}

variable "idle_timeout" {
  description = "Seconds without a byte after which the load balancer gives up; longer than `limits.deadline`."
  type        = number
  default     = 310
}

variable "internet" {
  description = "Whether the tasks may open HTTPS connections to the internet, where the network leads there. An issuer of tokens needs it."
  type        = bool
  default     = true
}

variable "kms_key_arns" {
  description = "Keys the secrets are encrypted with, where they are not the account's own."
  type        = list(string)
  default     = []
}

variable "log_retention" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}

variable "memory" {
  description = "MiB of a task."
  type        = number
  default     = 1024
}

variable "nat" {
  description = "Gateways to the internet: `one`, `per_az` or `none`. Tasks start without any, through the endpoints."
  type        = string
  default     = "one"
}

variable "port" {
  description = "Port the server listens on."
  type        = number
  default     = 8080
}

variable "private_cidrs" {
  description = "Addresses of the private subnets, one for each zone."
  type        = list(string)
  default     = ["10.0.10.0/24", "10.0.20.0/24"]
}

variable "private_subnet_ids" {
  description = "With vpc_id: where tasks run."
  type        = list(string)
  default     = []
}

variable "public" {
  description = "Whether the internet reaches the load balancer. It then needs a certificate."
  type        = bool
  default     = false
}

variable "public_cidrs" {
  description = "Addresses of the public subnets, one for each zone."
  type        = list(string)
  default     = ["10.0.1.0/24", "10.0.2.0/24"]
}

variable "public_subnet_ids" {
  description = "With vpc_id: where a public load balancer stands."
  type        = list(string)
  default     = []
}

variable "queries" {
  description = "Logs Insights queries to save, by name."
  type        = map(string)
  default     = {}
}

variable "rate_limit" {
  description = "Requests one address may make in five minutes before the firewall answers 429."
  type        = number
  default     = 2000
}

variable "stop_timeout" {
  description = "Seconds between SIGTERM and SIGKILL; longer than `server.drain`, at most 120."
  type        = number
  default     = 30
}

variable "toolsets" {
  description = "What toolsets may do in AWS: objects in buckets (ARNs), databases by their IAM users (rds-db ARNs). A toolset that is not named may do nothing."
  type = object({
    objects = optional(object({
      buckets = list(string)
      prefix  = optional(string, "")
      write   = optional(bool, false)
    }))
    sql = optional(object({
      database_users = list(string)
    }))
  })
  default = {}

  validation {
    condition     = alltrue([for bucket in try(var.toolsets.objects.buckets, []) : can(regex("^arn:[a-z0-9-]+:s3:::[a-z0-9.-]+$", bucket))])
    error_message = "toolsets.objects.buckets are whole ARNs of buckets, without wildcards: arn:aws:s3:::NAME."
  }

  validation {
    condition     = alltrue([for user in try(var.toolsets.sql.database_users, []) : can(regex("^arn:[a-z0-9-]+:rds-db:[a-z0-9-]+:[0-9]{12}:dbuser:[A-Za-z0-9-]+/[^*/]+$", user))])
    error_message = "toolsets.sql.database_users are whole ARNs, without wildcards: arn:aws:rds-db:REGION:ACCOUNT:dbuser:RESOURCE/USER."
  }
}

variable "vpc_id" {
  description = "A network that is there already, with private_subnet_ids, and public_subnet_ids where the stack is public."
  type        = string
  default     = null
}

variable "waf" {
  description = "Whether a firewall stands before the load balancer. Default: where it is public."
  type        = bool
  default     = null
}

variable "zone_id" {
  description = "Route 53 zone of domain: the name is put into it, and proves a certificate."
  type        = string
  default     = null
}
