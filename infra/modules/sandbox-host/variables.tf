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

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is arm64 or x86_64."
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

variable "environment" {
  description = "Environment variables of the server. Nothing secret: they stand in the state and in a parameter."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for value in values(var.environment) : !can(regex("[\r\n]", value))])
    error_message = "A value in `environment` may not go on over several lines."
  }
}

variable "image" {
  description = "The image to run, by its digest."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9._:/-]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "An image is named by its digest (REPOSITORY@sha256:...): a tag may be another image tomorrow."
  }
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

variable "log_group" {
  description = "Name of the log group the machine writes to."
  type        = string
}

variable "log_group_arn" {
  description = "ARN of the log group the machine writes to."
  type        = string
}

variable "name" {
  description = "Names everything that is made here."
  type        = string
}

variable "port" {
  description = "Port of the machine that the server answers at."
  type        = number
  default     = 8080

  validation {
    condition     = var.port >= 1024 && var.port <= 65535 && var.port != 18080
    error_message = "port is between 1024 and 65535, and not 18080, where a new release is tried first."
  }
}

variable "public_ip" {
  description = "Whether the machine has a public address, as its way out. In a subnet with a NAT gateway or endpoints it needs none."
  type        = bool
  default     = true
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

  validation {
    condition     = alltrue([for object in values(var.rootfs) : can(regex("^s3://[a-z0-9.-]{3,63}/[A-Za-z0-9!_.'()/-]+$", object.url)) && can(regex("^[0-9a-f]{64}$", object.sha256))])
    error_message = "A root file system is one object (s3://BUCKET/KEY, no pattern) and its SHA-256 in hexadecimal digits."
  }

  validation {
    condition     = alltrue([for name in keys(var.rootfs) : can(regex("^[A-Za-z0-9][A-Za-z0-9._-]*$", name))])
    error_message = "A root file system's name is a plain file name."
  }
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

  validation {
    condition     = alltrue([for arn in values(var.secrets) : can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$", arn))])
    error_message = "Each of `secrets` is the ARN of a secret in Secrets Manager. Never its value: that would stand in the state."
  }
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
  description = "Where the machine stands."
  type        = string
}

variable "topic_arn" {
  description = "Whom alarms are told to."
  type        = string
}

variable "volume_size" {
  description = "Size of the disk in GB."
  type        = number
  default     = 50

  validation {
    condition     = var.volume_size >= 30
    error_message = "Below 30 GB there is no room for root file systems and their copies."
  }
}

variable "vpc_id" {
  description = "Network of the subnet."
  type        = string
}
