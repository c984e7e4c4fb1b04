locals {
  # By the place of the public subnet each stands in.
  _nat = var.nat == "per_az" ? local._public : var.nat == "one" ? { for place, cidr in local._public : place => cidr if place == "0" } : {}
}

resource "aws_route_table" "public" {
  count = local._made ? 1 : 0

  vpc_id = aws_vpc.vpc[0].id

  tags = { Name = "${var.name}-public" }
}

resource "aws_route" "public" {
  count = local._made ? 1 : 0

  route_table_id         = aws_route_table.public[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.gateway[0].id
}

resource "aws_route_table_association" "public" {
  for_each = local._public

  subnet_id      = aws_subnet.public[each.key].id
  route_table_id = aws_route_table.public[0].id
}

resource "aws_eip" "nat" {
  for_each = local._nat

  domain = "vpc"

  tags = { Name = "${var.name}-nat-${each.key}" }
}

resource "aws_nat_gateway" "nat" {
  for_each = local._nat

  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.public[each.key].id

  tags = { Name = "${var.name}-${each.key}" }

  # A gateway made before the network reaches the internet comes up failed.
  depends_on = [aws_route.public]
}

# One table for each private subnet, also with one gateway: changing `nat` then changes routes and no associations.
resource "aws_route_table" "private" {
  for_each = local._private

  vpc_id = aws_vpc.vpc[0].id

  tags = { Name = "${var.name}-private-${each.key}" }
}

resource "aws_route" "private" {
  for_each = var.nat == "none" ? {} : local._private

  route_table_id         = aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.nat[var.nat == "per_az" ? each.key : "0"].id
}

resource "aws_route_table_association" "private" {
  for_each = local._private

  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private[each.key].id
}
