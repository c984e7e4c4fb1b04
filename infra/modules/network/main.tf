# Where things run: a network of two availability zones with public and private halves, or one that is there already.

locals {
  _made = var.vpc_id == null

  # By place rather than by zone name: a map whose keys are known before anything exists.
  _public  = local._made ? { for place, cidr in var.public_cidrs : tostring(place) => cidr } : {}
  _private = local._made ? { for place, cidr in var.private_cidrs : tostring(place) => cidr } : {}

  _zones = var.availability_zones != null ? var.availability_zones : flatten(data.aws_availability_zones.available[*].names)
}

data "aws_availability_zones" "available" {
  count = local._made && var.availability_zones == null ? 1 : 0

  state = "available"

  # Local zones have neither load balancers nor Fargate.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

data "aws_vpc" "given" {
  count = local._made ? 0 : 1

  id = var.vpc_id
}

resource "aws_vpc" "vpc" {
  count = local._made ? 1 : 0

  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.name }

  lifecycle {
    precondition {
      condition     = length(var.public_cidrs) == length(var.private_cidrs) && length(var.private_cidrs) >= 2
      error_message = "Two availability zones at least, each with a public and a private subnet: give as many public_cidrs as private_cidrs."
    }
  }
}

# What is started without naming a security group gets this one, so it lets nothing through.
resource "aws_default_security_group" "empty" {
  count = local._made ? 1 : 0

  vpc_id = aws_vpc.vpc[0].id

  tags = { Name = "${var.name}-unused" }
}

resource "aws_internet_gateway" "gateway" {
  count = local._made ? 1 : 0

  vpc_id = aws_vpc.vpc[0].id

  tags = { Name = var.name }
}

resource "aws_subnet" "public" {
  for_each = local._public

  vpc_id                  = aws_vpc.vpc[0].id
  cidr_block              = each.value
  availability_zone       = local._zones[tonumber(each.key)]
  map_public_ip_on_launch = false

  tags = { Name = "${var.name}-public-${each.key}" }
}

resource "aws_subnet" "private" {
  for_each = local._private

  vpc_id                  = aws_vpc.vpc[0].id
  cidr_block              = each.value
  availability_zone       = local._zones[tonumber(each.key)]
  map_public_ip_on_launch = false

  tags = { Name = "${var.name}-private-${each.key}" }
}
