# The side door, which streams: answers arrive as they are made, for up to the function's own timeout.
#
# With AWS_IAM, the default, only callers with AWS credentials and the right to come through it do, before the function
# starts. NONE opens it to the internet: the same exposure as the API's, since the server asks for a token either way,
# but without the API's throttling. So it takes a token that is configured here, for all to see, and somebody who says so.

resource "aws_lambda_function_url" "live" {
  count = var.function_url == "off" ? 0 : 1

  function_name      = aws_lambda_function.function.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = var.function_url
  invoke_mode        = "RESPONSE_STREAM"

  lifecycle {
    precondition {
      condition = var.function_url != "NONE" || length([
        for variable in concat(keys(var.environment), keys(var.secrets)) : variable
        if startswith(variable, "WINDLASS_AUTH_") || contains(["MCP_AUTH_TOKEN", "WINDLASS_CONFIG"], variable)
      ]) > 0
      error_message = "function_url = NONE is open to the internet, and nothing here configures the server's authentication: set WINDLASS_AUTH_TOKEN (or another WINDLASS_AUTH_ variable) in `secrets`."
    }
  }
}

# Since October 2025 a new URL needs two grants: to come by the URL, which the provider makes by itself, and to invoke
# the function, if only by the URL. The second has a condition that `aws_lambda_permission` learned in version 6;
# without it the function could be invoked past the URL by every AWS account. CloudFormation knows it.
resource "aws_cloudformation_stack" "invoke_by_url" {
  count = var.function_url == "NONE" ? 1 : 0

  name = "${var.name}-invoke-by-url"

  template_body = jsonencode({
    AWSTemplateFormatVersion = "2010-09-09"
    Description              = "Lets the function URL of ${var.name} invoke it, and nobody by another way"
    Resources = {
      Permission = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          Action                = "lambda:InvokeFunction"
          FunctionName          = aws_lambda_alias.live.arn
          InvokedViaFunctionUrl = true
          Principal             = "*"
        }
      }
    }
  })
}
