output "alarm_names" {
  description = "The alarms that act on the machine."
  value       = [aws_cloudwatch_metric_alarm.hardware.alarm_name, aws_cloudwatch_metric_alarm.unresponsive.alarm_name]
}

output "image" {
  description = "The image the parameter names, by digest."
  value       = nonsensitive(jsondecode(aws_ssm_parameter.release.value).image)
}

output "instance_id" {
  description = "The machine."
  value       = aws_instance.host.id
}

output "parameter" {
  description = "The parameter that names the release to run."
  value       = aws_ssm_parameter.release.name
}

output "private_ip" {
  description = "Address within the network."
  value       = aws_instance.host.private_ip
}

output "public_ip" {
  description = "Public address; empty without one."
  value       = try(coalesce(one(aws_eip.host[*].public_ip), aws_instance.host.public_ip), "")
}

output "release" {
  description = "The release the parameter names."
  value       = nonsensitive(jsondecode(aws_ssm_parameter.release.value).release)
}

output "security_group_id" {
  description = "The machine's security group."
  value       = aws_security_group.host.id
}

output "user_data" {
  description = "What sets the machine up when it is made."
  value       = local._user_data
}
