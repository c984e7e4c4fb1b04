locals {
  _service  = { ClusterName = aws_ecs_cluster.cluster.name, ServiceName = var.name }
  _balancer = { LoadBalancer = module.edge.arn_suffix }
  _targets  = { LoadBalancer = module.edge.arn_suffix, TargetGroup = module.edge.target_group_arn_suffix }

  _alarms = {
    cpu = {
      namespace          = "AWS/ECS"
      metric             = "CPUUtilization"
      dimensions         = local._service
      statistic          = "Average"
      threshold          = 80
      evaluation_periods = 5
      description        = "The tasks of ${var.name} use over 80 % of their CPU. Scaling aims at ${try(var.autoscaling.cpu, 70)} %: has it reached its maximum?"
    }
    memory = {
      namespace          = "AWS/ECS"
      metric             = "MemoryUtilization"
      dimensions         = local._service
      statistic          = "Average"
      threshold          = 80
      evaluation_periods = 5
      description        = "The tasks of ${var.name} use over 80 % of their memory."
    }
    # The most that any node of the balancer sees: one that has just come up sees nobody yet.
    healthy-hosts = {
      namespace     = "AWS/ApplicationELB"
      metric        = "HealthyHostCount"
      dimensions    = local._targets
      statistic     = "Maximum"
      threshold     = 1
      comparison    = "LessThanThreshold"
      treat_missing = "breaching"
      description   = "No task of ${var.name} answers its health check."
    }
    errors = {
      namespace   = "AWS/ApplicationELB"
      metric      = "HTTPCode_Target_5XX_Count"
      dimensions  = local._targets
      statistic   = "Sum"
      threshold   = 10
      description = "The tasks of ${var.name} answered more than 10 requests in a minute with an error of their own."
    }
    # What the tasks never saw: none was there, or one went away within a call.
    edge-errors = {
      namespace   = "AWS/ApplicationELB"
      metric      = "HTTPCode_ELB_5XX_Count"
      dimensions  = local._balancer
      statistic   = "Sum"
      threshold   = 10
      description = "The load balancer of ${var.name} answered more than 10 requests in a minute itself, because no task did."
    }
  }

  _graphs = {
    "Use of CPU and memory, %" = [
      ["AWS/ECS", "CPUUtilization", "ClusterName", var.name, "ServiceName", var.name],
      ["AWS/ECS", "MemoryUtilization", "ClusterName", var.name, "ServiceName", var.name],
    ]
    "Requests" = [
      ["AWS/ApplicationELB", "RequestCount", "LoadBalancer", module.edge.arn_suffix, { stat = "Sum" }],
    ]
    "Errors" = [
      ["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "LoadBalancer", module.edge.arn_suffix, { stat = "Sum" }],
      ["AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", "LoadBalancer", module.edge.arn_suffix, { stat = "Sum" }],
      ["AWS/ApplicationELB", "HTTPCode_Target_4XX_Count", "LoadBalancer", module.edge.arn_suffix, { stat = "Sum" }],
    ]
    "Time to answer, s" = [
      ["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", module.edge.arn_suffix, { stat = "p50" }],
      ["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", module.edge.arn_suffix, { stat = "p95" }],
    ]
    "Healthy tasks" = [
      ["AWS/ApplicationELB", "HealthyHostCount", "LoadBalancer", module.edge.arn_suffix, "TargetGroup", module.edge.target_group_arn_suffix],
    ]
  }
}

module "observability" {
  source = "../../modules/observability"

  name       = var.name
  alarms     = local._alarms
  broken     = var.composite_alarm ? ["healthy-hosts", "errors", "edge-errors"] : []
  emails     = var.alarm_emails
  log_groups = { (local._log_group) = { retention = var.log_retention } }
  queries    = var.queries

  dashboard = [for place, title in sort(keys(local._graphs)) : {
    type   = "metric"
    x      = 12 * (place % 2)
    y      = 6 * floor(place / 2)
    width  = 12
    height = 6
    properties = {
      title   = title
      region  = var.region
      view    = "timeSeries"
      period  = 60
      metrics = local._graphs[title]
    }
  }]
}
