mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name       = "windlass"
  vpc_id     = "vpc-1"
  subnet_ids = ["subnet-1", "subnet-2"]
  clients    = ["10.0.0.0/16"]
}

run "private" {
  assert {
    condition     = aws_lb.edge.internal && aws_lb.edge.drop_invalid_header_fields && aws_lb.edge.desync_mitigation_mode == "strictest"
    error_message = "internal, and strict about requests"
  }

  assert {
    condition     = aws_lb.edge.idle_timeout == 310
    error_message = "a call may be silent for its whole deadline of 300 seconds"
  }

  assert {
    condition     = length(aws_lb_listener.http) == 1 && length(aws_lb_listener.https) == 0 && length(aws_wafv2_web_acl.firewall) == 0
    error_message = "without a certificate it speaks HTTP to its network"
  }

  assert {
    condition     = [for rule in aws_vpc_security_group_ingress_rule.clients : "${rule.cidr_ipv4} ${rule.from_port}-${rule.to_port}"] == ["10.0.0.0/16 80-80"]
    error_message = "its network alone comes in"
  }

  assert {
    condition     = output.endpoint == "http://windlass-1.eu-west-1.elb.amazonaws.com"
    error_message = "clients use AWS's name"
  }
}

run "health" {
  assert {
    condition     = join(" ", [for figure in ["path", "interval", "timeout", "healthy_threshold", "unhealthy_threshold", "matcher"] : one(aws_lb_target_group.service.health_check)[figure]]) == "/health 30 5 2 3 200"
    error_message = "asked every 30 s, given 5 s, healthy after 2 answers, not after 3 failures; only 200 is an answer"
  }

  assert {
    condition     = tonumber(aws_lb_target_group.service.deregistration_delay) == 30 && aws_lb_target_group.service.target_type == "ip"
    error_message = "calls of a task that leaves have 30 s"
  }
}

run "public" {
  variables {
    public  = true
    clients = ["0.0.0.0/0"]
    domain  = "tools.example.com"
    zone_id = "Z1"
  }

  assert {
    condition     = !aws_lb.edge.internal && length(aws_lb_listener.http) == 0
    error_message = "nothing is served in the clear"
  }

  assert {
    condition     = aws_lb_listener.https[0].protocol == "HTTPS" && aws_lb_listener.https[0].certificate_arn == aws_acm_certificate_validation.certificate[0].certificate_arn && startswith(aws_lb_listener.https[0].ssl_policy, "ELBSecurityPolicy-TLS13-1-2")
    error_message = "TLS 1.2 at least, with the certificate that was proven"
  }

  assert {
    condition     = one(aws_lb_listener.redirect[0].default_action).type == "redirect" && one(one(aws_lb_listener.redirect[0].default_action).redirect).protocol == "HTTPS"
    error_message = "port 80 only sends on"
  }

  assert {
    condition     = aws_route53_record.validation["tools.example.com"].name == "_proof.tools.example.com." && aws_route53_record.name[0].alias[0].name == aws_lb.edge.dns_name
    error_message = "the name proves the certificate and leads to the balancer"
  }

  assert {
    condition     = aws_wafv2_web_acl_association.firewall[0].resource_arn == aws_lb.edge.arn
    error_message = "a firewall stands before it"
  }

  assert {
    condition     = output.endpoint == "https://tools.example.com"
    error_message = "clients use the name"
  }
}

run "firewall" {
  variables {
    public          = true
    clients         = ["0.0.0.0/0"]
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/given"
  }

  assert {
    condition     = length(aws_acm_certificate.certificate) == 0 && aws_lb_listener.https[0].certificate_arn == "arn:aws:acm:eu-west-1:123456789012:certificate/given"
    error_message = "a certificate that is given is used, and no other issued"
  }

  assert {
    condition     = sort([for rule in aws_wafv2_web_acl.firewall[0].rule : rule.name]) == tolist(["common", "inputs", "rate", "reputation"])
    error_message = "a rate, and three groups that AWS keeps up to date"
  }

  assert {
    condition     = length(one(one(one([for rule in aws_wafv2_web_acl.firewall[0].rule : rule if rule.name == "inputs"]).statement).managed_rule_group_statement).rule_action_override) == 0 && one(one(one([for rule in aws_wafv2_web_acl.firewall[0].rule : rule if rule.name == "inputs"]).statement).managed_rule_group_statement).name == "AWSManagedRulesKnownBadInputsRuleSet"
    error_message = "Log4j's hole and its like are refused, in bodies too"
  }

  assert {
    condition     = one(one(one([for rule in aws_wafv2_web_acl.firewall[0].rule : rule if rule.name == "rate"]).statement).rate_based_statement).limit == 2000 && length(one(one([for rule in aws_wafv2_web_acl.firewall[0].rule : rule if rule.name == "rate"]).action).block) == 1
    error_message = "who asks too often is refused"
  }

  assert {
    condition = alltrue([for name in ["SizeRestrictions_BODY", "GenericLFI_BODY", "GenericRFI_BODY", "CrossSiteScripting_BODY", "EC2MetaDataSSRF_BODY"] :
      contains([for override in one(one(one([for rule in aws_wafv2_web_acl.firewall[0].rule : rule if rule.name == "common"]).statement).managed_rule_group_statement).rule_action_override : override.name], name)
    ])
    error_message = "a shell line or a document in a body is no attack"
  }

  assert {
    condition     = alltrue([for rule in aws_wafv2_web_acl.firewall[0].rule : !one(rule.visibility_config).sampled_requests_enabled])
    error_message = "no sample shows a token"
  }
}

run "public_without_a_certificate" {
  command = plan

  variables {
    public  = true
    clients = ["0.0.0.0/0"]
  }

  expect_failures = [aws_lb.edge]
}

run "a_name_without_a_certificate" {
  command = plan

  variables {
    domain = "tools.example.com"
  }

  expect_failures = [aws_lb.edge]
}

run "one_zone" {
  command = plan

  variables {
    subnet_ids = ["subnet-1"]
  }

  expect_failures = [aws_lb.edge]
}

run "clients_are_ranges" {
  command = plan

  variables {
    clients = ["everybody"]
  }

  expect_failures = [var.clients]
}
