output "arn" {
  description = "ARN of the balancer."
  value       = aws_lb.edge.arn
}

output "arn_suffix" {
  description = "The balancer as metrics name it."
  value       = aws_lb.edge.arn_suffix
}

output "dns_name" {
  description = "Name AWS gave the balancer."
  value       = aws_lb.edge.dns_name
}

output "endpoint" {
  description = "Where clients begin: scheme and host."
  value       = "${local._https ? "https" : "http"}://${var.domain != null ? var.domain : aws_lb.edge.dns_name}"
}

output "security_group_id" {
  description = "The balancer's security group."
  value       = aws_security_group.edge.id
}

output "target_group_arn" {
  description = "Where replicas are registered."

  # ECS refuses a target group that no listener leads to yet.
  depends_on = [aws_lb_listener.http, aws_lb_listener.https]

  value = aws_lb_target_group.service.arn
}

output "target_group_arn_suffix" {
  description = "The target group as metrics name it."
  value       = aws_lb_target_group.service.arn_suffix
}
