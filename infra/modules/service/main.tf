# One ECS service on Fargate with everything that belongs to it alone: task definition, roles, security group, name in
# Cloud Map, scaling. It knows nothing of what the image does, so the agent is a second use of it.

locals {
  _environment = [for name in sort(keys(var.environment)) : { name = name, value = var.environment[name] }]
  _secrets     = [for name in sort(keys(var.secrets)) : { name = name, valueFrom = var.secrets[name] }]

  # The root is read-only; /tmp is where a job may write, and the agent of execute-command wants two places of its own.
  _volumes = merge(
    { tmp = "/tmp" },
    var.execute_command ? { ssm-state = "/var/lib/amazon", ssm-log = "/var/log/amazon" } : {},
  )
}

resource "aws_ecs_task_definition" "task" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  tags                     = { Release = var.release }

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  # A container's own health check would need a program in the image that asks for /health, and a scratch image has
  # none; the load balancer asks instead.
  container_definitions = jsonencode([{
    name                   = var.name
    image                  = var.image
    essential              = true
    command                = var.command
    user                   = "65532:65532"
    readonlyRootFilesystem = true
    stopTimeout            = var.stop_timeout
    environment            = local._environment
    secrets                = local._secrets
    dockerLabels           = { "org.opencontainers.image.version" = var.release }
    mountPoints            = [for volume, path in local._volumes : { sourceVolume = volume, containerPath = path, readOnly = false }]
    portMappings           = [{ containerPort = var.port, hostPort = var.port, protocol = "tcp" }]
    systemControls         = []
    volumesFrom            = []

    linuxParameters = {
      capabilities = { add = [], drop = ["ALL"] }
      # Somebody has to reap what a session of execute-command leaves; the server reaps its own.
      initProcessEnabled = var.execute_command
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = var.log_group
        "awslogs-region"        = var.region
        "awslogs-stream-prefix" = var.release
      }
    }
  }])

  dynamic "volume" {
    for_each = local._volumes

    content {
      name = volume.key
    }
  }

  dynamic "ephemeral_storage" {
    for_each = var.ephemeral_storage == null ? [] : [var.ephemeral_storage]

    content {
      size_in_gib = ephemeral_storage.value
    }
  }

  lifecycle {
    precondition {
      condition     = length(setintersection(keys(var.environment), keys(var.secrets))) == 0
      error_message = "Both environment and secrets set ${join(", ", setintersection(keys(var.environment), keys(var.secrets)))}; take it out of environment."
    }
  }
}

resource "aws_ecs_service" "service" {
  name                              = var.name
  cluster                           = var.cluster_arn
  task_definition                   = aws_ecs_task_definition.task.arn
  desired_count                     = var.desired_count
  platform_version                  = "LATEST"
  enable_execute_command            = var.execute_command
  enable_ecs_managed_tags           = true
  propagate_tags                    = "SERVICE"
  availability_zone_rebalancing     = "ENABLED"
  health_check_grace_period_seconds = var.load_balancer == null ? null : var.health_check_grace_period
  wait_for_steady_state             = var.wait

  # New replicas serve before old ones leave. With less than 100 as the floor, half the replicas would be taken away
  # first, and two under load would be one.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  dynamic "capacity_provider_strategy" {
    for_each = { for provider, share in var.capacity : provider => share if share.base + share.weight > 0 }

    content {
      capacity_provider = capacity_provider_strategy.key
      base              = capacity_provider_strategy.value.base
      weight            = capacity_provider_strategy.value.weight
    }
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [aws_security_group.service.id]
    assign_public_ip = false
  }

  dynamic "load_balancer" {
    for_each = var.load_balancer == null ? [] : [var.load_balancer]

    content {
      target_group_arn = load_balancer.value.target_group_arn
      container_name   = var.name
      container_port   = var.port
    }
  }

  dynamic "service_registries" {
    for_each = aws_service_discovery_service.name[*].arn

    content {
      registry_arn = service_registries.value
    }
  }

  # After the first apply scaling owns the number.
  lifecycle {
    ignore_changes = [desired_count]
  }

  # A task that starts before its role may read secrets fails, and counts for the circuit breaker.
  depends_on = [aws_iam_role_policy.execution, aws_iam_role_policy.task, aws_vpc_security_group_egress_rule.egress]
}

resource "aws_service_discovery_service" "name" {
  count = var.discovery == null ? 0 : 1

  name         = var.discovery.name
  namespace_id = var.discovery.namespace_id

  dns_config {
    namespace_id   = var.discovery.namespace_id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = 10
    }
  }

  # ECS says which replicas are healthy; Cloud Map cannot look into a private network.
  health_check_custom_config {
    failure_threshold = 1
  }
}
