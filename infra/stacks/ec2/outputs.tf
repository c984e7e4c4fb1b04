locals {
  # Those who are let in come from private networks alone, or there is no other way in.
  _inside = !(var.public_ip || var.elastic_ip) || alltrue([for cidr in var.allowed_cidrs : can(regex("^(10\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.)", cidr))])
}

output "alarm_names" {
  description = "Every alarm."
  value       = sort(concat(module.observability.alarm_names, module.host.alarm_names))
}

output "endpoint" {
  description = "Base URL for those who are let in: `/mcp`, `/health` and `/ready` are below it. For everybody else, ssm_tunnel."
  value       = "http://${length(var.allowed_cidrs) == 0 ? "127.0.0.1" : local._inside ? module.host.private_ip : module.host.public_ip}:${var.port}"
}

output "image" {
  description = "The image the machine is to run, by digest, as its parameter has it."
  value       = module.host.image
}

output "instance_id" {
  description = "The machine."
  value       = module.host.instance_id
}

output "log_group" {
  description = "Where the server logs, audit lines too."
  value       = local._log_group
}

output "parameter" {
  description = "The parameter that names the release to run."
  value       = module.host.parameter
}

output "public_ip" {
  description = "Public address; empty without one."
  value       = module.host.public_ip
}

output "release" {
  description = "The release the machine is to run, as its parameter has it."
  value       = module.host.release
}

output "running" {
  description = "Whether the machine is to run."
  value       = var.running
}

output "ssm_command" {
  description = "Opens a shell on the machine."
  value       = "aws ssm start-session --region ${var.region} --target ${module.host.instance_id}"
}

output "ssm_tunnel" {
  description = "Brings the service to this machine, at its own port."
  value       = "aws ssm start-session --region ${var.region} --target ${module.host.instance_id} --document-name AWS-StartPortForwardingSession --parameters portNumber=${var.port},localPortNumber=${var.port}"
}

output "topic_arn" {
  description = "The topic alarms are told to."
  value       = module.observability.topic_arn
}
