output "arns" {
  description = "ARN of each secret, by the environment variable it fills."
  value       = { for name, secret in aws_secretsmanager_secret.secret : name => secret.arn }
}
