output "alarm_names" {
  description = "Every alarm, the composite one too."
  value = concat(
    [for short in sort(keys(var.alarms)) : aws_cloudwatch_metric_alarm.alarm[short].alarm_name],
    aws_cloudwatch_composite_alarm.broken[*].alarm_name,
  )
}

output "log_group_arns" {
  description = "ARN of each log group, by its name."
  value       = { for name, group in aws_cloudwatch_log_group.group : name => group.arn }
}

output "topic_arn" {
  description = "The topic alarms are told to."
  value       = aws_sns_topic.alarms.arn
}
