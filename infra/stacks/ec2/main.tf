# Windlass on a machine of its own, with KVM for sandboxes: private, reached through Session Manager, on spot prices.

locals {
  _log_group = "/windlass/${var.name}"
}

# One machine needs one public subnet and no NAT gateway: its public address is its way out, and the security group lets
# nobody in. Without a public address it stands in a private subnet, behind a gateway.
module "network" {
  source = "../../modules/network"

  cidr                = var.cidr
  endpoints           = []
  flow_logs_retention = var.log_retention
  name                = var.name
  nat                 = var.public_ip ? "none" : "one"
  private_cidrs       = [for place in [10, 20] : cidrsubnet(var.cidr, 8, place)]
  private_subnet_ids  = var.subnet_id == null || var.public_ip ? [] : [var.subnet_id]
  public_cidrs        = [for place in [1, 2] : cidrsubnet(var.cidr, 8, place)]
  public_subnet_ids   = var.subnet_id == null || !var.public_ip ? [] : [var.subnet_id]
  region              = var.region
  vpc_id              = var.vpc_id
}

module "host" {
  source = "../../modules/sandbox-host"

  allowed_cidrs  = var.allowed_cidrs
  ami_id         = var.ami_id
  architecture   = var.architecture
  egress_ports   = var.egress_ports
  elastic_ip     = var.elastic_ip
  environment    = var.environment
  image          = var.image
  instance_type  = var.instance_type
  kms_key_arn    = var.kms_key_arn
  kvm            = var.kvm
  log_group      = local._log_group
  log_group_arn  = module.observability.log_group_arns[local._log_group]
  name           = var.name
  port           = var.port
  public_ip      = var.public_ip
  region         = var.region
  release        = var.release
  rootfs         = var.rootfs
  running        = var.running
  secrets        = var.secrets
  spot           = var.spot
  spot_max_price = var.spot_max_price
  ssh_cidrs      = var.ssh_cidrs
  ssh_key_name   = var.ssh_key_name
  subnet_id      = var.public_ip ? module.network.public_subnet_ids[0] : module.network.private_subnet_ids[0]
  topic_arn      = module.observability.topic_arn
  volume_size    = var.volume_size
  vpc_id         = module.network.vpc_id
}
