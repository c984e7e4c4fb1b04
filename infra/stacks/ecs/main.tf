# Windlass on ECS Fargate: private subnets, a load balancer before them, and what watches over both.

locals {
  _log_group = "/windlass/${var.name}"

  # Only for as long as sessions may be opened.
  _endpoints = var.execute_command ? setunion(var.endpoints, ["ssmmessages"]) : var.endpoints

  # From its own network, or from everywhere if it is public; `clients` narrows either.
  _clients = var.clients != null ? var.clients : var.public ? ["0.0.0.0/0"] : [module.network.cidr]

  # AWS's endpoints are all a task needs to start, but for image layers, which S3 hands out. Further out go issuers of
  # tokens, pages to fetch, services without an endpoint; which of them, the server's own rules say.
  _internet = var.internet && module.network.internet
  _egress = merge(
    { "AWS endpoints" = { port = 443, cidr = module.network.cidr } },
    local._internet ? { "internet" = { port = 443, cidr = "0.0.0.0/0" } } : {},
    !local._internet && var.vpc_id == null ? { "image layers" = { port = 443, prefix_list_id = module.network.s3_prefix_list_id } } : {},
    var.egress,
  )
}

module "network" {
  source = "../../modules/network"

  name                = var.name
  region              = var.region
  cidr                = var.cidr
  public_cidrs        = var.public_cidrs
  private_cidrs       = var.private_cidrs
  availability_zones  = var.availability_zones
  nat                 = var.nat
  endpoints           = local._endpoints
  flow_logs_retention = var.log_retention
  vpc_id              = var.vpc_id
  public_subnet_ids   = var.public_subnet_ids
  private_subnet_ids  = var.private_subnet_ids
}

module "edge" {
  source = "../../modules/edge"

  name                = var.name
  vpc_id              = module.network.vpc_id
  subnet_ids          = var.public ? module.network.public_subnet_ids : module.network.private_subnet_ids
  public              = var.public
  certificate_arn     = var.certificate_arn
  domain              = var.domain
  zone_id             = var.zone_id
  clients             = local._clients
  port                = var.port
  idle_timeout        = var.idle_timeout
  waf                 = var.waf
  rate_limit          = var.rate_limit
  access_logs_bucket  = var.access_logs_bucket
  deletion_protection = var.deletion_protection
}

# The agent's service goes here, as a second use of the module.
module "server" {
  source = "../../modules/service"

  name            = var.name
  region          = var.region
  release         = var.release
  image           = var.image
  architecture    = var.architecture
  cpu             = var.cpu
  memory          = var.memory
  port            = var.port
  desired_count   = var.desired_count
  autoscaling     = var.autoscaling
  capacity        = var.capacity
  environment     = var.environment
  secrets         = var.secrets
  kms_key_arns    = var.kms_key_arns
  permissions     = local._permissions
  execute_command = var.execute_command
  stop_timeout    = var.stop_timeout
  cluster_arn     = aws_ecs_cluster.cluster.arn
  cluster_name    = aws_ecs_cluster.cluster.name
  vpc_id          = module.network.vpc_id
  subnet_ids      = module.network.private_subnet_ids
  clients         = { "load balancer" = module.edge.security_group_id }
  egress          = local._egress
  log_group       = local._log_group
  log_group_arn   = module.observability.log_group_arns[local._log_group]
  discovery       = { namespace_id = aws_service_discovery_private_dns_namespace.namespace.id, name = "tools" }

  load_balancer = {
    target_group_arn        = module.edge.target_group_arn
    target_group_arn_suffix = module.edge.target_group_arn_suffix
    arn_suffix              = module.edge.arn_suffix
  }
}
