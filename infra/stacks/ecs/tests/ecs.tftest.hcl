mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name    = "windlass"
  region  = "eu-west-1"
  release = "abc1234"
  image   = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/windlass@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}

run "by_default" {
  assert {
    condition     = one(aws_ecs_cluster.cluster.setting).value == "enabled" && toset(aws_ecs_cluster_capacity_providers.cluster.capacity_providers) == toset(["FARGATE", "FARGATE_SPOT"])
    error_message = "Container Insights, Fargate and Fargate Spot"
  }

  assert {
    condition     = output.endpoint == "http://windlass-1.eu-west-1.elb.amazonaws.com"
    error_message = "private: within its network, under AWS's name"
  }

  assert {
    condition     = output.alarm_names == ["windlass-cpu", "windlass-edge-errors", "windlass-errors", "windlass-healthy-hosts", "windlass-memory", "windlass-broken"]
    error_message = "every alarm, and the one to page on"
  }

  assert {
    condition     = { for short, alarm in local._alarms : short => "${alarm.metric} ${alarm.statistic} ${alarm.threshold}" } == { cpu = "CPUUtilization Average 80", memory = "MemoryUtilization Average 80", healthy-hosts = "HealthyHostCount Maximum 1", errors = "HTTPCode_Target_5XX_Count Sum 10", edge-errors = "HTTPCode_ELB_5XX_Count Sum 10" }
    error_message = "over 80 % of CPU or memory, no healthy host, over ten errors a minute"
  }

  assert {
    condition     = local._egress == { "AWS endpoints" = { port = 443, cidr = "10.0.0.0/16" }, "internet" = { port = 443, cidr = "0.0.0.0/0" } }
    error_message = "tasks reach AWS's endpoints and the internet, over HTTPS"
  }

  assert {
    condition     = local._permissions == {}
    error_message = "no toolset, no permission"
  }

  assert {
    condition     = aws_service_discovery_private_dns_namespace.namespace.name == "windlass.local" && output.discovery == "http://tools.windlass.local:8080"
    error_message = "services find it by name"
  }
}

run "cut_off_from_the_internet" {
  variables {
    nat = "none"
  }

  assert {
    condition     = local._egress == { "AWS endpoints" = { port = 443, cidr = "10.0.0.0/16" }, "image layers" = { port = 443, prefix_list_id = "pl-s3" } }
    error_message = "a task still reaches all it needs to start: endpoints, and S3 for the layers"
  }
}

run "toolsets" {
  variables {
    toolsets = {
      objects = { buckets = ["arn:aws:s3:::data"], prefix = "team/" }
      sql     = { database_users = ["arn:aws:rds-db:eu-west-1:123456789012:dbuser:db-ABC/reader"] }
    }
  }

  assert {
    condition = { for name, grant in local._permissions : name => "${join(" ", grant.actions)} ${join(" ", grant.resources)}" } == {
      ObjectsList = "s3:ListBucket arn:aws:s3:::data"
      ObjectsRead = "s3:GetObject s3:GetObjectVersion arn:aws:s3:::data/team/*"
      SqlConnect  = "rds-db:connect arn:aws:rds-db:eu-west-1:123456789012:dbuser:db-ABC/reader"
    }
    error_message = "each toolset reads what is named, and writes nothing unless asked to"
  }
}

run "public_with_a_name" {
  variables {
    public  = true
    domain  = "tools.example.com"
    zone_id = "Z1"
  }

  assert {
    condition     = output.endpoint == "https://tools.example.com" && local._clients == toset(["0.0.0.0/0"])
    error_message = "everybody, over HTTPS"
  }
}

run "a_tag" {
  command = plan

  variables {
    image   = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/windlass:latest"
    name    = "internal-windlass"
    release = "../abc"
  }

  expect_failures = [var.image, var.name, var.release]
}

run "buckets_by_wildcard" {
  command = plan

  variables {
    toolsets = { objects = { buckets = ["arn:aws:s3:::*"] }, sql = { database_users = ["arn:aws:rds-db:eu-west-1:123456789012:dbuser:db-ABC/*"] } }
  }

  expect_failures = [var.toolsets]
}
