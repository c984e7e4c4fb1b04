module "observability" {
  source = "../../modules/observability"

  emails     = var.emails
  log_groups = { (local._log_group) = { retention = var.log_retention } }
  name       = var.name
  queries    = var.queries

  alarms = {
    cpu = {
      namespace          = "AWS/EC2"
      metric             = "CPUUtilization"
      dimensions         = { InstanceId = module.host.instance_id }
      statistic          = "Average"
      threshold          = 80
      period             = 300
      evaluation_periods = 3
      description        = "The machine of ${var.name} has been over 80% busy for 15 minutes."
    }
    disk = {
      namespace          = "Windlass"
      metric             = "disk_used_percent"
      dimensions         = { InstanceId = module.host.instance_id, path = "/" }
      statistic          = "Maximum"
      threshold          = 85
      period             = 300
      evaluation_periods = 1
      description        = "The disk of ${var.name} is over 85% full. Root file systems, images and outputs are below /var/lib."
    }
    memory = {
      namespace          = "Windlass"
      metric             = "mem_used_percent"
      dimensions         = { InstanceId = module.host.instance_id }
      statistic          = "Average"
      threshold          = 90
      period             = 300
      evaluation_periods = 2
      description        = "The machine of ${var.name} has had less than a tenth of its memory free for 10 minutes."
    }
  }
}
