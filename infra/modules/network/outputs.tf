output "cidr" {
  description = "Addresses of the network."
  value       = local._made ? var.cidr : data.aws_vpc.given[0].cidr_block
}

output "internet" {
  description = "Whether the private subnets reach the internet. Of a network that was there already it is assumed."
  value       = !local._made || var.nat != "none"
}

output "nat_addresses" {
  description = "Addresses that the private subnets come from on the internet."
  value       = [for place in sort(keys(local._nat)) : aws_eip.nat[place].public_ip]
}

output "private_subnet_ids" {
  description = "Subnets without a way in from the internet."

  # Whoever starts something in them needs their routes and endpoints to be there.
  depends_on = [aws_route.private, aws_route_table_association.private, aws_vpc_endpoint.interface, aws_vpc_endpoint.s3]

  value = local._made ? [for place in sort(keys(local._private)) : aws_subnet.private[place].id] : var.private_subnet_ids
}

output "public_subnet_ids" {
  description = "Subnets the internet can reach."
  value       = local._made ? [for place in sort(keys(local._public)) : aws_subnet.public[place].id] : var.public_subnet_ids
}

output "s3_prefix_list_id" {
  description = "Where S3 is, for security groups; null in a network that was there already."
  value       = local._made ? aws_vpc_endpoint.s3[0].prefix_list_id : null
}

output "vpc_id" {
  description = "The network."
  value       = local._made ? aws_vpc.vpc[0].id : var.vpc_id
}
