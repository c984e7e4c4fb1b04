resource "aws_ecs_cluster" "cluster" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }

  # Made by Container Insights otherwise, and left behind by it when the cluster goes.
  depends_on = [aws_cloudwatch_log_group.insights]
}

resource "aws_cloudwatch_log_group" "insights" {
  #checkov:skip=CKV_AWS_158:CloudWatch Logs encrypts every group; these are figures
  #checkov:skip=CKV_AWS_338:raw figures that CloudWatch keeps as metrics for fifteen months
  name              = "/aws/ecs/containerinsights/${var.name}/performance"
  retention_in_days = 1
}

resource "aws_ecs_cluster_capacity_providers" "cluster" {
  cluster_name       = aws_ecs_cluster.cluster.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]

  default_capacity_provider_strategy {
    capacity_provider = "FARGATE"
    weight            = 1
  }
}

# Services find each other here: the tools at tools.NAME.local.
resource "aws_service_discovery_private_dns_namespace" "namespace" {
  name        = "${var.name}.local"
  description = "Services of ${var.name}"
  vpc         = module.network.vpc_id
}
