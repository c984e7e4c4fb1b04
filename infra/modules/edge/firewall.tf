# AWS WAF with rules that fit an MCP server. Calls carry shell lines, SQL and documents in their bodies, so whatever
# judges a body by its words or its size only counts here; the server has rules of its own for what they mean. There is
# no list of anonymous or hosting addresses either: agents live in other people's clouds.

locals {
  _managed = {
    reputation = { priority = 1, group = "AWSManagedRulesAmazonIpReputationList", count = [] }
    inputs     = { priority = 2, group = "AWSManagedRulesKnownBadInputsRuleSet", count = [] }
    common = {
      priority = 3
      group    = "AWSManagedRulesCommonRuleSet"
      count = [
        "CrossSiteScripting_BODY",
        "EC2MetaDataSSRF_BODY",
        "GenericLFI_BODY",
        "GenericRFI_BODY",
        "NoUserAgent_HEADER",
        "SizeRestrictions_BODY",
      ]
    }
  }
}

resource "aws_wafv2_web_acl" "firewall" {
  #checkov:skip=CKV2_AWS_31:its log holds whole headers, and so every caller's token; the metrics say what was refused
  #checkov:skip=CKV_AWS_192:AWSManagedRulesKnownBadInputsRuleSet is in local._managed, which Checkov does not unroll
  count = local._guarded ? 1 : 0

  name        = var.name
  description = "Before the load balancer of ${var.name}"
  scope       = "REGIONAL"

  default_action {
    allow {}
  }

  rule {
    name     = "rate"
    priority = 0

    action {
      block {
        custom_response {
          response_code = 429
        }
      }
    }

    statement {
      rate_based_statement {
        limit              = var.rate_limit
        aggregate_key_type = "IP"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-rate"
      sampled_requests_enabled   = false
    }
  }

  dynamic "rule" {
    for_each = local._managed

    content {
      name     = rule.key
      priority = rule.value.priority

      override_action {
        none {}
      }

      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = rule.value.group

          dynamic "rule_action_override" {
            for_each = rule.value.count

            content {
              name = rule_action_override.value

              action_to_use {
                count {}
              }
            }
          }
        }
      }

      # Samples show headers to whoever may open the console, tokens among them.
      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "${var.name}-${rule.key}"
        sampled_requests_enabled   = false
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = false
  }
}

resource "aws_wafv2_web_acl_association" "firewall" {
  count = local._guarded ? 1 : 0

  resource_arn = aws_lb.edge.arn
  web_acl_arn  = aws_wafv2_web_acl.firewall[0].arn
}
