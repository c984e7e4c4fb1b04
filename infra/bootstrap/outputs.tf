output "registry" {
  description = "Host of the registry, or null."
  value       = one(module.registry[*].registry)
}

output "repository_arn" {
  description = "ARN of the repository, or null."
  value       = one(module.registry[*].arn)
}

output "repository_url" {
  description = "Host and repository as an image reference begins, or null."
  value       = one(module.registry[*].url)
}

output "secret_arns" {
  description = "ARN of each secret, by the environment variable it fills."
  value       = module.secrets.arns
}

output "state_bucket" {
  description = "The bucket."
  value       = aws_s3_bucket.state.bucket
}
