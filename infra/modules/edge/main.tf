# The way in: a load balancer that ends TLS, and the firewall before it.

locals {
  _issue       = var.certificate_arn == null && var.domain != null && var.zone_id != null
  _https       = var.certificate_arn != null || local._issue
  _certificate = local._issue ? aws_acm_certificate_validation.certificate[0].certificate_arn : var.certificate_arn

  # A redirect is worth having only where somebody may type the name.
  _ports = local._https ? toset(["80", "443"]) : toset(["80"])

  _guarded = var.waf != null ? var.waf : var.public
}

resource "aws_lb" "edge" {
  #checkov:skip=CKV_AWS_91:every call has a line in the audit log; access_logs_bucket adds the balancer's own
  #checkov:skip=CKV_AWS_150:the stack is remade from a commit, and destroying it asks; deletion_protection turns it on
  #checkov:skip=CKV2_AWS_20:where there is a certificate port 80 redirects; without one the balancer is internal
  #checkov:skip=CKV2_AWS_76:its firewall has the group of rules that knows Log4j, as a test sees
  #checkov:skip=CKV2_AWS_28:a firewall stands before every public balancer; an internal one gets it with `waf`
  name               = var.name
  internal           = !var.public
  load_balancer_type = "application"
  subnets            = var.subnet_ids
  security_groups    = [aws_security_group.edge.id]

  # An answer in one piece says nothing until it is there, so this is longer than the longest call.
  idle_timeout               = var.idle_timeout
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  enable_deletion_protection = var.deletion_protection

  dynamic "access_logs" {
    for_each = var.access_logs_bucket == null ? [] : [var.access_logs_bucket]

    content {
      bucket  = access_logs.value
      prefix  = var.name
      enabled = true
    }
  }

  lifecycle {
    precondition {
      condition     = !var.public || local._https
      error_message = "A public load balancer needs HTTPS: give certificate_arn, or domain and zone_id to have a certificate issued. Tokens never cross the internet in the clear."
    }

    precondition {
      condition     = var.domain == null || local._https
      error_message = "The name ${coalesce(var.domain, "-")} needs a certificate: give certificate_arn, or zone_id to have one issued."
    }

    precondition {
      condition     = length(var.subnet_ids) >= 2
      error_message = "A load balancer stands in two availability zones at least; with vpc_id, give ${var.public ? "public" : "private"}_subnet_ids of two."
    }
  }
}

resource "aws_lb_target_group" "service" {
  #checkov:skip=CKV_AWS_378:TLS ends at the balancer; what is behind it is reached from its security group alone
  name        = var.name
  vpc_id      = var.vpc_id
  port        = var.port
  protocol    = "HTTP"
  target_type = "ip"

  # Calls take from a millisecond to minutes: the replica with the fewest of them gets the next.
  load_balancing_algorithm_type = "least_outstanding_requests"
  deregistration_delay          = var.deregistration_delay

  # Liveness: /ready would have ECS replace every replica because a database they all share is away.
  health_check {
    path                = var.health_check.path
    interval            = var.health_check.interval
    timeout             = var.health_check.timeout
    healthy_threshold   = var.health_check.healthy_threshold
    unhealthy_threshold = var.health_check.unhealthy_threshold
    matcher             = "200"
  }
}

resource "aws_lb_listener" "https" {
  count = local._https ? 1 : 0

  load_balancer_arn = aws_lb.edge.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = local._certificate

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.service.arn
  }
}

resource "aws_lb_listener" "redirect" {
  count = local._https ? 1 : 0

  load_balancer_arn = aws_lb.edge.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}

# Inside a private network only; the balancer's first precondition sees to it.
resource "aws_lb_listener" "http" {
  #checkov:skip=CKV_AWS_2:only where the balancer is internal and has no certificate
  #checkov:skip=CKV_AWS_103:there is no TLS here to choose a version of
  count = local._https ? 0 : 1

  load_balancer_arn = aws_lb.edge.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.service.arn
  }
}
