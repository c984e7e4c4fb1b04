output "alarm_names" {
  description = "Every alarm."
  value       = module.observability.alarm_names
}

output "cluster" {
  description = "The ECS cluster."
  value       = aws_ecs_cluster.cluster.name
}

output "discovery" {
  description = "Where services in the network reach this one."
  value       = "http://${module.server.discovery_name}.${aws_service_discovery_private_dns_namespace.namespace.name}:${var.port}"
}

output "endpoint" {
  description = "Where clients begin."
  value       = module.edge.endpoint
}

output "load_balancer_arn" {
  description = "The load balancer."
  value       = module.edge.arn
}

output "load_balancer_dns" {
  description = "Name AWS gave the load balancer."
  value       = module.edge.dns_name
}

output "log_group" {
  description = "Log group of the server; its streams begin with the release."
  value       = local._log_group
}

output "nat_addresses" {
  description = "Addresses that the tasks come from on the internet."
  value       = module.network.nat_addresses
}

output "queries" {
  description = "Saved queries, by name."
  value       = [for name in sort(keys(var.queries)) : "${var.name}/${name}"]
}

output "release" {
  description = "Version of what is deployed."
  value       = var.release
}

output "service" {
  description = "The ECS service."
  value       = module.server.name
}

output "target_group_arn" {
  description = "Where tasks are registered."
  value       = module.edge.target_group_arn
}

output "task_definition" {
  description = "ARN of the task definition, with its revision."
  value       = module.server.task_definition
}

output "topic_arn" {
  description = "The topic alarms are told to."
  value       = module.observability.topic_arn
}
