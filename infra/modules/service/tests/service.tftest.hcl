mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name          = "windlass"
  region        = "eu-west-1"
  release       = "abc1234"
  image         = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/windlass@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  cluster_arn   = "arn:aws:ecs:eu-west-1:123456789012:cluster/windlass"
  cluster_name  = "windlass"
  vpc_id        = "vpc-1"
  subnet_ids    = ["subnet-1", "subnet-2"]
  clients       = { "load balancer" = "sg-edge" }
  log_group     = "/windlass/windlass"
  log_group_arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/windlass/windlass"
  environment   = { B = "2", A = "1" }

  secrets = {
    TOKEN    = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:windlass/TOKEN-AbCdEf"
    PASSWORD = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf:password::"
  }

  egress = {
    "AWS endpoints" = { port = 443, cidr = "10.0.0.0/16" }
    "image layers"  = { port = 443, prefix_list_id = "pl-s3" }
  }

  discovery = { namespace_id = "ns-1", name = "tools" }

  load_balancer = {
    target_group_arn        = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/windlass/0000000000000002"
    target_group_arn_suffix = "targetgroup/windlass/0000000000000002"
    arn_suffix              = "app/windlass/0000000000000001"
  }
}

run "container" {
  assert {
    condition     = one(jsondecode(aws_ecs_task_definition.task.container_definitions)).readonlyRootFilesystem && one(jsondecode(aws_ecs_task_definition.task.container_definitions)).user == "65532:65532"
    error_message = "a root nobody writes, and nobody is root"
  }

  assert {
    condition     = one(jsondecode(aws_ecs_task_definition.task.container_definitions)).linuxParameters.capabilities == { add = [], drop = ["ALL"] } && !contains(keys(one(jsondecode(aws_ecs_task_definition.task.container_definitions))), "privileged")
    error_message = "no capability is left"
  }

  assert {
    condition     = [for mount in one(jsondecode(aws_ecs_task_definition.task.container_definitions)).mountPoints : mount.containerPath] == ["/tmp"] && alltrue([for volume in aws_ecs_task_definition.task.volume : length(coalesce(volume.host_path, "-")) <= 1])
    error_message = "/tmp alone can be written, on the task's own disk"
  }

  assert {
    condition     = one(jsondecode(aws_ecs_task_definition.task.container_definitions)).stopTimeout == 30 && one(jsondecode(aws_ecs_task_definition.task.container_definitions)).portMappings == [{ containerPort = 8080, hostPort = 8080, protocol = "tcp" }]
    error_message = "30 s to drain, one port"
  }

  assert {
    condition = one(jsondecode(aws_ecs_task_definition.task.container_definitions)).secrets == [
      { name = "PASSWORD", valueFrom = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf:password::" },
      { name = "TOKEN", valueFrom = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:windlass/TOKEN-AbCdEf" },
    ]
    error_message = "secrets are named, their values are nowhere"
  }

  assert {
    condition     = one(jsondecode(aws_ecs_task_definition.task.container_definitions)).logConfiguration.options == { "awslogs-group" = "/windlass/windlass", "awslogs-region" = "eu-west-1", "awslogs-stream-prefix" = "abc1234" }
    error_message = "each release has streams of its own"
  }

  assert {
    condition     = one(jsondecode(aws_ecs_task_definition.task.container_definitions)).dockerLabels["org.opencontainers.image.version"] == "abc1234" && aws_ecs_task_definition.task.tags.Release == "abc1234"
    error_message = "the task definition says which release it is"
  }

  assert {
    condition     = aws_ecs_task_definition.task.network_mode == "awsvpc" && toset(aws_ecs_task_definition.task.requires_compatibilities) == toset(["FARGATE"])
    error_message = "Fargate"
  }
}

run "roles" {
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement : statement.Sid => join(" ", statement.Resource) } == {
      LogIn       = "*"
      Pull        = "arn:aws:ecr:eu-west-1:123456789012:repository/team/windlass"
      ReadSecrets = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf arn:aws:secretsmanager:eu-west-1:123456789012:secret:windlass/TOKEN-AbCdEf"
      WriteLog    = "arn:aws:logs:eu-west-1:123456789012:log-group:/windlass/windlass:*"
    }
    error_message = "this repository, these secrets, this log group"
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement : statement.Action if contains(statement.Resource, "*")] == [["ecr:GetAuthorizationToken"]]
    error_message = "the one action that AWS grants no narrower is the one for everything"
  }

  assert {
    condition     = alltrue([for action in flatten([for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement : statement.Action]) : !strcontains(action, "*")])
    error_message = "actions are written out"
  }

  assert {
    condition     = length(aws_iam_role_policy.task) == 0
    error_message = "what runs in the task may do nothing in AWS"
  }

  assert {
    condition = alltrue([for role in [aws_iam_role.execution, aws_iam_role.task] :
      jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals == { "aws:SourceAccount" = "123456789012" } &&
      jsondecode(role.assume_role_policy).Statement[0].Principal == { Service = "ecs-tasks.amazonaws.com" }
    ])
    error_message = "ECS takes the roles for this account's tasks and nobody else does"
  }
}

run "service" {
  assert {
    condition     = one(aws_ecs_service.service.deployment_circuit_breaker).enable && one(aws_ecs_service.service.deployment_circuit_breaker).rollback
    error_message = "a release that does not start goes back by itself"
  }

  assert {
    condition     = aws_ecs_service.service.deployment_minimum_healthy_percent == 100 && aws_ecs_service.service.deployment_maximum_percent == 200 && aws_ecs_service.service.health_check_grace_period_seconds == 60
    error_message = "nobody leaves before the new ones serve"
  }

  assert {
    condition     = !one(aws_ecs_service.service.network_configuration).assign_public_ip && aws_ecs_service.service.desired_count == 2
    error_message = "two replicas, none with a public address"
  }

  assert {
    condition     = [for share in aws_ecs_service.service.capacity_provider_strategy : "${share.capacity_provider} ${share.base} ${share.weight}"] == ["FARGATE 0 1"]
    error_message = "spot is what somebody asks for"
  }

  assert {
    condition     = one(aws_ecs_service.service.load_balancer).container_port == 8080 && one(aws_ecs_service.service.service_registries).registry_arn == aws_service_discovery_service.name[0].arn
    error_message = "tasks register with the balancer and under their name"
  }

  assert {
    condition     = aws_service_discovery_service.name[0].namespace_id == "ns-1" && aws_service_discovery_service.name[0].dns_config[0].namespace_id == "ns-1"
    error_message = "the name is in its namespace"
  }
}

run "who_reaches_whom" {
  assert {
    condition     = [for rule in aws_vpc_security_group_ingress_rule.clients : "${rule.referenced_security_group_id} ${rule.from_port}-${rule.to_port}"] == ["sg-edge 8080-8080"]
    error_message = "the balancer comes in, on 8080, and nobody else"
  }

  assert {
    condition     = [for rule in aws_vpc_security_group_egress_rule.clients : "${rule.security_group_id} ${rule.referenced_security_group_id == aws_security_group.service.id} ${rule.from_port}-${rule.to_port}"] == ["sg-edge true 8080-8080"]
    error_message = "the balancer gets out to the tasks"
  }

  assert {
    condition     = sort([for rule in aws_vpc_security_group_egress_rule.egress : "${coalesce(rule.cidr_ipv4, rule.prefix_list_id)} ${rule.from_port}-${rule.to_port}"]) == tolist(["10.0.0.0/16 443-443", "pl-s3 443-443"])
    error_message = "443 to the endpoints and to S3, or no task starts; nothing beside"
  }
}

run "scaling" {
  assert {
    condition     = aws_appautoscaling_target.service[0].min_capacity == 2 && aws_appautoscaling_target.service[0].max_capacity == 10 && aws_appautoscaling_target.service[0].resource_id == "service/windlass/windlass"
    error_message = "two to ten"
  }

  assert {
    condition     = one(aws_appautoscaling_policy.cpu[0].target_tracking_scaling_policy_configuration).target_value == 70 && one(aws_appautoscaling_policy.requests[0].target_tracking_scaling_policy_configuration).target_value == 1000
    error_message = "70 % of the CPU, 1000 requests a minute"
  }

  assert {
    condition     = alltrue([for policy in [aws_appautoscaling_policy.cpu[0], aws_appautoscaling_policy.requests[0]] : one(policy.target_tracking_scaling_policy_configuration).scale_in_cooldown == 300 && one(policy.target_tracking_scaling_policy_configuration).scale_out_cooldown == 60])
    error_message = "up after a minute, down after five"
  }

  assert {
    condition     = one(one(aws_appautoscaling_policy.requests[0].target_tracking_scaling_policy_configuration).predefined_metric_specification).resource_label == "app/windlass/0000000000000001/targetgroup/windlass/0000000000000002"
    error_message = "requests are those of this target group"
  }
}

run "a_session_and_a_toolset" {
  variables {
    execute_command = true
    autoscaling     = null
    permissions     = { ObjectsRead = { actions = ["s3:GetObject"], resources = ["arn:aws:s3:::data/*"] } }
    capacity        = { FARGATE = { base = 2, weight = 1 }, FARGATE_SPOT = { weight = 3 } }
    image           = "ghcr.io/team/windlass@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.task[0].policy).Statement : statement.Sid => "${join(" ", statement.Action)} ${join(" ", statement.Resource)}" } == {
      ObjectsRead    = "s3:GetObject arn:aws:s3:::data/*"
      ExecuteCommand = "ssmmessages:CreateControlChannel ssmmessages:CreateDataChannel ssmmessages:OpenControlChannel ssmmessages:OpenDataChannel *"
    }
    error_message = "what was asked for, and no more"
  }

  assert {
    condition     = one(jsondecode(aws_ecs_task_definition.task.container_definitions)).readonlyRootFilesystem && one(jsondecode(aws_ecs_task_definition.task.container_definitions)).linuxParameters.initProcessEnabled
    error_message = "sessions leave the root as it is, and leave no zombies"
  }

  assert {
    condition     = length(aws_appautoscaling_target.service) == 0 && length(aws_ecs_service.service.capacity_provider_strategy) == 2
    error_message = "scaling can be off, spot can be on"
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.execution.policy, "ecr:")
    error_message = "an image from elsewhere needs nothing of ECR"
  }
}

run "permission_for_everything" {
  command = plan

  variables {
    permissions = { All = { actions = ["s3:*"], resources = ["*"] } }
  }

  expect_failures = [var.permissions]
}

run "a_tag" {
  command = plan

  variables {
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/windlass:latest"
  }

  expect_failures = [var.image]
}

run "a_value_where_an_arn_belongs" {
  command = plan

  variables {
    secrets = { TOKEN = "hunter2" }
  }

  expect_failures = [var.secrets]
}

run "every_secret_of_the_account" {
  command = plan

  variables {
    secrets = { TOKEN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:*" }
  }

  expect_failures = [var.secrets]
}

run "a_secret_in_the_environment_too" {
  command = plan

  variables {
    environment = { TOKEN = "hunter2" }
  }

  expect_failures = [aws_ecs_task_definition.task]
}
