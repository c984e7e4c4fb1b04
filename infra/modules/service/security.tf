# Who reaches the tasks and whom they reach. On Fargate a task's own interface pulls its image, reads its secrets and
# ships its log, so without 443 outwards nothing starts. Answers of the network's resolver pass no security group.

resource "aws_security_group" "service" {
  #checkov:skip=CKV2_AWS_5:it is the service's
  name        = "${var.name}-service"
  description = "Tasks of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-service" }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.clients

  security_group_id            = aws_security_group.service.id
  description                  = "from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = var.port
  to_port                      = var.port
}

# The same rule's other end: who may come here reaches nothing else.
resource "aws_vpc_security_group_egress_rule" "clients" {
  for_each = var.clients

  security_group_id            = each.value
  description                  = "to ${var.name}"
  referenced_security_group_id = aws_security_group.service.id
  ip_protocol                  = "tcp"
  from_port                    = var.port
  to_port                      = var.port
}

resource "aws_vpc_security_group_egress_rule" "egress" {
  for_each = var.egress

  security_group_id            = aws_security_group.service.id
  description                  = each.key
  cidr_ipv4                    = each.value.cidr
  prefix_list_id               = each.value.prefix_list_id
  referenced_security_group_id = each.value.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}
