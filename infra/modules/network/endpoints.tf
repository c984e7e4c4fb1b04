# How private subnets reach AWS without the internet.

# Free, and without it every image layer that ECR hands out would go through the NAT gateway, or nowhere.
resource "aws_vpc_endpoint" "s3" {
  count = local._made ? 1 : 0

  vpc_id            = aws_vpc.vpc[0].id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for table in aws_route_table.private : table.id]

  tags = { Name = "${var.name}-s3" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local._made ? var.endpoints : []

  vpc_id              = aws_vpc.vpc[0].id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.endpoints[0].id]

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_security_group" "endpoints" {
  count = local._made && length(var.endpoints) > 0 ? 1 : 0

  name        = "${var.name}-endpoints"
  description = "AWS endpoints of ${var.name}"
  vpc_id      = aws_vpc.vpc[0].id

  tags = { Name = "${var.name}-endpoints" }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  count = local._made && length(var.endpoints) > 0 ? 1 : 0

  security_group_id = aws_security_group.endpoints[0].id
  description       = "from the network"
  cidr_ipv4         = var.cidr
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
