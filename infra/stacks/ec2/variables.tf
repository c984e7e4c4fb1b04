variable "allowed_cidrs" {
  description = "Who reaches the service's port: IPv4 ranges. Empty: nobody, and the port is open on the machine itself alone. The server speaks plain HTTP, so these are private ranges, or a proxy that ends TLS."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.allowed_cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]), 0) >= 8])
    error_message = "allowed_cidrs are IPv4 ranges of /8 or narrower. The server speaks plain HTTP: to serve the internet, put something that ends TLS before it and name that."
  }
}

variable "ami_id" {
  description = "Image of the machine. Default: the current Amazon Linux 2023, when the machine is made."
  type        = string
  default     = null
}

variable "architecture" {
  description = "Processor: `arm64` or `x86_64`."
  type        = string
  default     = "x86_64"
}

variable "cidr" {
  description = "Addresses of the network that is made: an IPv4 range of 16 bits or more."
  type        = string
  default     = "10.0.0.0/16"

  validation {
    condition     = can(cidrsubnet(var.cidr, 8, 20)) && try(tonumber(split("/", var.cidr)[1]), 32) <= 16
    error_message = "cidr is an IPv4 range such as 10.0.0.0/16, with room for subnets."
  }
}

variable "egress_ports" {
  description = "TCP ports that the machine may reach outside."
  type        = set(number)
  default     = [443]
}

variable "elastic_ip" {
  description = "Whether the machine keeps its public address when it is stopped."
  type        = bool
  default     = false
}

variable "emails" {
  description = "Addresses that alarms are told to. Each has to confirm a message from AWS first."
  type        = set(string)
  default     = []
}

variable "environment" {
  description = "Environment variables of the server. Nothing secret: they stand in the state and in a parameter."
  type        = map(string)
  default     = {}
}

variable "image" {
  description = "The image to run, by its digest."
  type        = string
}

variable "instance_type" {
  description = "Type of machine. For KVM: a metal type, or c8i, m8i, r8i and their flex kinds."
  type        = string
  default     = "c8i.xlarge"
}

variable "kms_key_arn" {
  description = "Key of the disk. Default: the account's own key of EBS."
  type        = string
  default     = null
}

variable "kvm" {
  description = "Whether the server gets /dev/kvm, for sandboxes in virtual machines."
  type        = bool
  default     = true
}

variable "log_retention" {
  description = "Days the logs are kept."
  type        = number
  default     = 30
}

variable "name" {
  description = "Names everything that is made here."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}[a-z0-9]$", var.name))
    error_message = "name is 2 to 32 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "port" {
  description = "Port of the machine that the server answers at."
  type        = number
  default     = 8080
}

variable "public_ip" {
  description = "Whether the machine has a public address, as its way out. In a subnet with a NAT gateway or endpoints it needs none."
  type        = bool
  default     = true
}

variable "queries" {
  description = "Logs Insights queries by short name."
  type        = map(string)
  default     = {}
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "release" {
  description = "The release, by its version."
  type        = string
}

variable "rootfs" {
  description = "Root file systems of sandboxes by file name: where in S3, and the SHA-256 that they must have. They are at /var/lib/windlass/rootfs in the container."
  type = map(object({
    url    = string
    sha256 = string
  }))
  default = {}
}

variable "running" {
  description = "Whether the machine runs. Off: it is stopped, keeps its disk and costs no more than that."
  type        = bool
  default     = true
}

variable "secrets" {
  description = "Secrets by the environment variable they fill: ARNs in Secrets Manager."
  type        = map(string)
  default     = {}
}

variable "spot" {
  description = "Whether the machine is a spot one: for about a third of the price, and AWS may stop it with two minutes' notice."
  type        = bool
  default     = true
}

variable "spot_max_price" {
  description = "Most dollars an hour for a spot machine. Default: the price on demand."
  type        = string
  default     = null
}

variable "ssh_cidrs" {
  description = "Who reaches SSH: IPv4 ranges. Empty: nobody; Session Manager needs no way in."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.ssh_cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]), 0) >= 8])
    error_message = "ssh_cidrs are IPv4 ranges of /8 or narrower: SSH is never open to the internet. (Session Manager needs no range at all.)"
  }
}

variable "ssh_key_name" {
  description = "Key pair for SSH."
  type        = string
  default     = null
}

variable "subnet_id" {
  description = "With vpc_id: the subnet of the machine. With public_ip a public one; without, one with a way out."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything that is made here."
  type        = map(string)
  default     = {}
}

variable "volume_size" {
  description = "Size of the disk in GB."
  type        = number
  default     = 50
}

variable "vpc_id" {
  description = "A network that is there already. Default: one is made."
  type        = string
  default     = null
}
