# Only `clients` reach the balancer, and it reaches only what the services let it: they add both ends of that rule.

resource "aws_security_group" "edge" {
  #checkov:skip=CKV2_AWS_5:it is the balancer's
  name        = "${var.name}-edge"
  description = "Load balancer of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-edge" }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  #checkov:skip=CKV_AWS_260:port 80 redirects to 443, or the balancer is internal
  for_each = { for pair in setproduct(local._ports, var.clients) : "${pair[0]} ${pair[1]}" => { port = tonumber(pair[0]), cidr = pair[1] } }

  security_group_id = aws_security_group.edge.id
  description       = "clients"
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}
