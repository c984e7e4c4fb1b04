# Who gets in: nobody, until somebody is named. Administration goes through Session Manager, which needs no way in.

resource "aws_security_group" "host" {
  name        = "${var.name}-host"
  description = "The machine of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-host" }
}

resource "aws_vpc_security_group_ingress_rule" "service" {
  for_each = var.allowed_cidrs

  security_group_id = aws_security_group.host.id
  description       = "clients"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = var.port
  to_port           = var.port
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  for_each = var.ssh_cidrs

  security_group_id = aws_security_group.host.id
  description       = "administration"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
}

# Packages, the image, AWS itself; pages that the server fetches, if it may.
resource "aws_vpc_security_group_egress_rule" "out" {
  for_each = { for port in var.egress_ports : tostring(port) => port }

  security_group_id = aws_security_group.host.id
  description       = "out"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}
