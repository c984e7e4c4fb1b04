output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.store.bucket
}

output "bucket_arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.store.arn
}

output "refresh_policy" {
  description = "What the role of a refresh may do here, as a policy document."
  value       = data.aws_iam_policy_document.refresh.json
}

output "server_policy" {
  description = "What a server's role may do here, as a policy document."
  value       = data.aws_iam_policy_document.server.json
}

output "table" {
  description = "Name of the table."
  value       = aws_dynamodb_table.handles.name
}

output "table_arn" {
  description = "ARN of the table."
  value       = aws_dynamodb_table.handles.arn
}
