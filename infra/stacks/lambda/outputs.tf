output "alarm_names" {
  description = "Every alarm."
  value       = sort(concat(module.observability.alarm_names, [aws_cloudwatch_metric_alarm.slow.alarm_name]))
}

output "alias" {
  description = "The alias that clients are sent through."
  value       = "live"
}

output "bucket" {
  description = "Bucket of outputs and index."
  value       = module.store.bucket
}

output "endpoint" {
  description = "Base URL: `/mcp`, `/health` and `/ready` are below it."
  value       = module.function.endpoint
}

output "function_name" {
  description = "The function."
  value       = module.function.function_name
}

output "function_url" {
  description = "Base URL that streams; null without one."
  value       = module.function.function_url
}

output "log_group" {
  description = "Where the server logs, audit lines too."
  value       = local._log_group
}

output "refresh_function" {
  description = "The function that refreshes the index; null without one."
  value       = one(module.refresh[*].function_name)
}

output "release" {
  description = "The release that was published last."
  value       = var.release
}

output "table" {
  description = "Table of handles."
  value       = module.store.table
}

output "topic_arn" {
  description = "The topic alarms are told to."
  value       = module.observability.topic_arn
}

output "version" {
  description = "The version published last: to be proven, and then made `live`."
  value       = module.function.version
}
