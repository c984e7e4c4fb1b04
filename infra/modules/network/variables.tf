variable "availability_zones" {
  description = "Zones to use, as many as there are private subnets. Default: the region's first."
  type        = list(string)
  default     = null
}

variable "cidr" {
  description = "Addresses of the network."
  type        = string
  default     = "10.0.0.0/16"

  validation {
    condition     = can(cidrhost(var.cidr, 0))
    error_message = "cidr is an IPv4 range such as 10.0.0.0/16."
  }
}

variable "endpoints" {
  description = "AWS services the private subnets reach without the internet. The default is what a task needs to start: its image, its secrets, its log. Each costs by the hour and zone."
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr", "logs", "secretsmanager"]
}

variable "flow_logs_retention" {
  description = "Days that the network's flow logs are kept; null writes none."
  type        = number
  default     = 30
}

variable "name" {
  description = "Names everything that is made here."
  type        = string
}

variable "nat" {
  description = "Gateways to the internet for the private subnets: `one`, `per_az`, or `none`."
  type        = string
  default     = "one"

  validation {
    condition     = contains(["one", "per_az", "none"], var.nat)
    error_message = "nat is one, per_az or none."
  }
}

variable "private_cidrs" {
  description = "Addresses of the private subnets, one for each zone."
  type        = list(string)
  default     = ["10.0.10.0/24", "10.0.20.0/24"]
}

variable "private_subnet_ids" {
  description = "With vpc_id: the private subnets."
  type        = list(string)
  default     = []
}

variable "public_cidrs" {
  description = "Addresses of the public subnets, one for each zone."
  type        = list(string)
  default     = ["10.0.1.0/24", "10.0.2.0/24"]
}

variable "public_subnet_ids" {
  description = "With vpc_id: the public subnets, where something public is to stand in them."
  type        = list(string)
  default     = []
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "vpc_id" {
  description = "A network that is there already. Nothing is made then; its owner sees to routes and endpoints."
  type        = string
  default     = null
}
