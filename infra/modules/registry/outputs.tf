output "arn" {
  description = "ARN of the repository."
  value       = aws_ecr_repository.repository.arn
}

output "registry" {
  description = "Host of the registry."
  value       = split("/", aws_ecr_repository.repository.repository_url)[0]
}

output "url" {
  description = "Host and repository, as an image reference begins."
  value       = aws_ecr_repository.repository.repository_url
}
