# A certificate of our own, proven by a record in the zone, and the name that leads here.

resource "aws_acm_certificate" "certificate" {
  count = local._issue ? 1 : 0

  domain_name       = var.domain
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  # By the name that was asked for, which is known before the certificate exists.
  for_each = local._issue ? toset([var.domain]) : []

  zone_id         = var.zone_id
  name            = one([for option in aws_acm_certificate.certificate[0].domain_validation_options : option.resource_record_name if option.domain_name == each.key])
  type            = one([for option in aws_acm_certificate.certificate[0].domain_validation_options : option.resource_record_type if option.domain_name == each.key])
  records         = [one([for option in aws_acm_certificate.certificate[0].domain_validation_options : option.resource_record_value if option.domain_name == each.key])]
  ttl             = 60
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "certificate" {
  count = local._issue ? 1 : 0

  certificate_arn         = aws_acm_certificate.certificate[0].arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}

resource "aws_route53_record" "name" {
  count = var.domain != null && var.zone_id != null ? 1 : 0

  zone_id = var.zone_id
  name    = var.domain
  type    = "A"

  alias {
    name                   = aws_lb.edge.dns_name
    zone_id                = aws_lb.edge.zone_id
    evaluate_target_health = true
  }
}
