output "alias_arn" {
  description = "ARN of the alias `live`."
  value       = aws_lambda_alias.live.arn
}

output "api_id" {
  description = "The HTTP API."
  value       = aws_apigatewayv2_api.api.id
}

output "endpoint" {
  description = "Where the API answers."
  value       = aws_apigatewayv2_api.api.api_endpoint
}

output "function_name" {
  description = "The function."
  value       = aws_lambda_function.function.function_name
}

output "function_url" {
  description = "Where the function streams; null without a URL."
  value       = one([for url in aws_lambda_function_url.live : trimsuffix(url.function_url, "/")])
}

output "role_name" {
  description = "The function's role."
  value       = aws_iam_role.function.name
}

output "version" {
  description = "The version published last. Not what clients reach, until `live` is moved to it."
  value       = aws_lambda_function.function.version
}
