output "function_name" {
  description = "The function."
  value       = aws_lambda_function.refresh.function_name
}

output "queue_name" {
  description = "The queue of what was given up."
  value       = aws_sqs_queue.failed.name
}
