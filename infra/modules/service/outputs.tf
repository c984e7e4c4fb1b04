output "discovery_name" {
  description = "The service's name in Cloud Map, or null."
  value       = one(aws_service_discovery_service.name[*].name)
}

output "name" {
  description = "The ECS service."
  value       = aws_ecs_service.service.name
}

output "security_group_id" {
  description = "Security group of the tasks."
  value       = aws_security_group.service.id
}

output "task_definition" {
  description = "ARN of the task definition, with its revision."
  value       = aws_ecs_task_definition.task.arn
}

output "task_role_arn" {
  description = "ARN of the role of what runs in the tasks."
  value       = aws_iam_role.task.arn
}
