mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name   = "windlass"
  region = "eu-west-1"
}

run "as_designed" {
  assert {
    condition     = aws_vpc.vpc[0].cidr_block == "10.0.0.0/16" && aws_vpc.vpc[0].enable_dns_support && aws_vpc.vpc[0].enable_dns_hostnames
    error_message = "private names of endpoints need DNS in the network"
  }

  assert {
    condition     = [for place in ["0", "1"] : "${aws_subnet.public[place].cidr_block} ${aws_subnet.public[place].availability_zone}"] == ["10.0.1.0/24 eu-west-1a", "10.0.2.0/24 eu-west-1b"]
    error_message = "public subnets in two zones"
  }

  assert {
    condition     = [for place in ["0", "1"] : "${aws_subnet.private[place].cidr_block} ${aws_subnet.private[place].availability_zone}"] == ["10.0.10.0/24 eu-west-1a", "10.0.20.0/24 eu-west-1b"]
    error_message = "private subnets in the same two zones"
  }

  assert {
    condition     = alltrue([for subnet in concat(values(aws_subnet.public), values(aws_subnet.private)) : !subnet.map_public_ip_on_launch])
    error_message = "nothing gets a public address by being started"
  }

  # Not even the public subnets' own table: layers are pulled by what is private.
  assert {
    condition     = aws_vpc_endpoint.s3[0].vpc_endpoint_type == "Gateway" && toset(aws_vpc_endpoint.s3[0].route_table_ids) == toset([for table in aws_route_table.private : table.id])
    error_message = "S3's gateway is in the route tables of the private subnets, or ECR's layers are out of reach"
  }

  assert {
    condition     = { for place, association in aws_route_table_association.private : association.subnet_id => association.route_table_id } == { for place, subnet in aws_subnet.private : subnet.id => aws_route_table.private[place].id }
    error_message = "each private subnet has its table"
  }

  assert {
    condition     = toset([for endpoint in aws_vpc_endpoint.interface : trimprefix(endpoint.service_name, "com.amazonaws.eu-west-1.")]) == toset(["ecr.api", "ecr.dkr", "logs", "secretsmanager"])
    error_message = "what a task needs to start is reached without the internet; ECR is two"
  }

  assert {
    condition = alltrue([for endpoint in aws_vpc_endpoint.interface :
      endpoint.private_dns_enabled && toset(endpoint.subnet_ids) == toset([for subnet in aws_subnet.private : subnet.id]) && endpoint.security_group_ids == toset([aws_security_group.endpoints[0].id])
    ])
    error_message = "endpoints answer in every private subnet, under AWS's own names"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.endpoints[0].cidr_ipv4 == "10.0.0.0/16" && aws_vpc_security_group_ingress_rule.endpoints[0].from_port == 443 && aws_vpc_security_group_ingress_rule.endpoints[0].to_port == 443
    error_message = "endpoints let the network in, on 443"
  }

  assert {
    condition     = length(coalesce(aws_default_security_group.empty[0].ingress, [])) == 0 && length(coalesce(aws_default_security_group.empty[0].egress, [])) == 0
    error_message = "the default security group lets nothing through"
  }

  assert {
    condition     = aws_flow_log.flow[0].traffic_type == "ALL" && aws_cloudwatch_log_group.flow[0].retention_in_days == 30
    error_message = "traffic is on record for thirty days"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.flow[0].policy).Statement[0].Resource == "${aws_cloudwatch_log_group.flow[0].arn}:*"
    error_message = "flow logs go to their group and nowhere else"
  }

  assert {
    condition     = length(aws_nat_gateway.nat) == 1 && toset([for route in aws_route.private : route.nat_gateway_id]) == toset([aws_nat_gateway.nat["0"].id])
    error_message = "one gateway, and both zones use it"
  }

  assert {
    condition     = output.internet && length(output.private_subnet_ids) == 2 && output.s3_prefix_list_id == "pl-s3"
    error_message = "what others build on"
  }
}

run "a_gateway_for_each_zone" {
  variables {
    nat = "per_az"
  }

  assert {
    condition     = { for place, route in aws_route.private : place => route.nat_gateway_id } == { for place, gateway in aws_nat_gateway.nat : place => gateway.id } && length(aws_nat_gateway.nat) == 2
    error_message = "each zone has its own way out"
  }

  assert {
    condition     = { for place, gateway in aws_nat_gateway.nat : place => gateway.subnet_id } == { for place, subnet in aws_subnet.public : place => subnet.id }
    error_message = "gateways stand in the public subnets"
  }
}

run "no_way_out" {
  variables {
    nat = "none"
  }

  assert {
    condition     = length(aws_nat_gateway.nat) == 0 && length(aws_eip.nat) == 0 && length(aws_route.private) == 0 && !output.internet
    error_message = "private subnets have no route to the internet"
  }
}

run "a_network_that_is_there" {
  variables {
    vpc_id             = "vpc-given"
    private_subnet_ids = ["subnet-1", "subnet-2"]
  }

  assert {
    condition     = length(aws_vpc.vpc) + length(aws_subnet.private) + length(aws_route_table.private) + length(aws_vpc_endpoint.interface) + length(aws_vpc_endpoint.s3) + length(aws_nat_gateway.nat) + length(aws_default_security_group.empty) + length(aws_flow_log.flow) == 0
    error_message = "nothing is made or changed in somebody's network"
  }

  assert {
    condition     = output.vpc_id == "vpc-given" && output.cidr == "172.16.0.0/16" && output.private_subnet_ids == tolist(["subnet-1", "subnet-2"]) && output.s3_prefix_list_id == null
    error_message = "it is used as it is"
  }
}

run "one_zone_is_none" {
  command = plan

  variables {
    public_cidrs  = ["10.0.1.0/24"]
    private_cidrs = ["10.0.10.0/24"]
  }

  expect_failures = [aws_vpc.vpc]
}
