variable "access_logs_bucket" {
  description = "S3 bucket for the balancer's access logs; its policy has to let the balancers of the region write."
  type        = string
  default     = null
}

variable "certificate_arn" {
  description = "ACM certificate to use. Default: one is issued for `domain` where `zone_id` is given too."
  type        = string
  default     = null
}

variable "clients" {
  description = "IPv4 ranges that may connect."
  type        = set(string)

  validation {
    condition     = alltrue([for range in var.clients : can(cidrhost(range, 0))])
    error_message = "clients are IPv4 ranges such as 10.0.0.0/16 or 203.0.113.7/32."
  }
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the balancer."
  type        = bool
  default     = false
}

variable "deregistration_delay" {
  description = "Seconds a replica that leaves may finish its calls in before the balancer lets go of it."
  type        = number
  default     = 30
}

variable "domain" {
  description = "Name clients use."
  type        = string
  default     = null
}

variable "health_check" {
  description = "When a replica counts as healthy."
  type = object({
    path                = optional(string, "/health")
    interval            = optional(number, 30)
    timeout             = optional(number, 5)
    healthy_threshold   = optional(number, 2)
    unhealthy_threshold = optional(number, 3)
  })
  default = {}
}

variable "idle_timeout" {
  description = "Seconds without a byte after which the balancer gives a connection up: longer than the longest call, shorter than the server keeps idle connections."
  type        = number
  default     = 310
}

variable "name" {
  description = "Names everything that is made here."
  type        = string
}

variable "port" {
  description = "Port the service listens on."
  type        = number
  default     = 8080
}

variable "public" {
  description = "Whether the internet reaches the balancer. It then needs a certificate."
  type        = bool
  default     = false
}

variable "rate_limit" {
  description = "Requests one address may make in five minutes before the firewall answers 429."
  type        = number
  default     = 2000

  validation {
    condition     = var.rate_limit >= 10
    error_message = "AWS WAF counts from 10 requests upwards."
  }
}

variable "subnet_ids" {
  description = "Where the balancer stands."
  type        = list(string)
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "waf" {
  description = "Whether a firewall stands before the balancer. Default: where it is public."
  type        = bool
  default     = null
}

variable "zone_id" {
  description = "Route 53 zone of `domain`: the name is put into it, and proves a certificate."
  type        = string
  default     = null
}
