# The alarms that do something about it: both act on the machine, besides telling somebody.

locals {
  # AWS moves a machine to other hardware when the one below it fails. It does not do that with bare metal, and a spot
  # machine's request sees to it.
  _recovers = !local._metal && !var.spot
}

resource "aws_cloudwatch_metric_alarm" "hardware" {
  alarm_name          = "${var.name}-hardware"
  alarm_description   = "What the machine of ${var.name} stands on has failed. ${local._recovers ? "AWS is moving it." : "Stop and start it: it comes up elsewhere."}"
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed_System"
  dimensions          = { InstanceId = aws_instance.host.id }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = concat(local._recovers ? ["arn:aws:automate:${var.region}:ec2:recover"] : [], [var.topic_arn])
  ok_actions          = [var.topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "unresponsive" {
  alarm_name          = "${var.name}-unresponsive"
  alarm_description   = "The machine of ${var.name} has not answered for 5 minutes, and is being started again."
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed_Instance"
  dimensions          = { InstanceId = aws_instance.host.id }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = ["arn:aws:automate:${var.region}:ec2:reboot", var.topic_arn]
  ok_actions          = [var.topic_arn]
}
