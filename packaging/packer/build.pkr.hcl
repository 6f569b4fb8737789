# SPDX-License-Identifier: MIT
#
# One list of steps for all images; scripts/ has what they do.

# fileset() would take a relative path from where the template is.
locals {
  rpms     = abspath(var.rpm_directory)
  debs     = abspath(var.deb_directory)
  modules  = abspath(var.module_directory)
  archives = [for name in fileset(local.modules, "*.dkms.tar.gz") : "${local.modules}/${name}" if var.prebuilt_module]
}

build {
  source "amazon-ebs.image" {
    name            = "al2023_x86_64"
    ami_name        = "${var.image_name}-al2023-ecs-x86_64-${local.time}"
    ami_description = "Amazon Linux 2023 for ECS, with Hadal"
    instance_type   = var.al2023_instance_type["x86_64"]
    ssh_username    = "ec2-user"

    source_ami_filter {
      filters = {
        name             = "${var.al2023_name}x86_64"
        architecture     = "x86_64"
        root-device-type = "ebs"
      }
      owners      = ["amazon"]
      most_recent = true
    }
  }

  source "amazon-ebs.image" {
    name            = "al2023_arm64"
    ami_name        = "${var.image_name}-al2023-ecs-arm64-${local.time}"
    ami_description = "Amazon Linux 2023 for ECS, with Hadal"
    instance_type   = var.al2023_instance_type["arm64"]
    ssh_username    = "ec2-user"

    source_ami_filter {
      filters = {
        name             = "${var.al2023_name}arm64"
        architecture     = "arm64"
        root-device-type = "ebs"
      }
      owners      = ["amazon"]
      most_recent = true
    }
  }

  source "amazon-ebs.image" {
    name            = "own"
    ami_name        = "${var.image_name}-own-${local.time}"
    ami_description = "An image of our own, with Hadal"
    instance_type   = var.own_instance_type
    ssh_username    = var.own_ssh_username
    source_ami      = var.own_source_ami
  }

  source "qemu.check" {
    name = "check"
  }

  provisioner "shell" {
    inline = ["mkdir -p /tmp/hadal-image/packages"]
  }

  provisioner "file" {
    source      = "${path.root}/scripts"
    destination = "/tmp/hadal-image"
  }

  provisioner "file" {
    only        = ["amazon-ebs.al2023_x86_64", "amazon-ebs.al2023_arm64"]
    sources     = concat([for name in fileset(local.rpms, "*.rpm") : "${local.rpms}/${name}"], local.archives)
    destination = "/tmp/hadal-image/packages/"
  }

  provisioner "file" {
    only        = ["amazon-ebs.own", "qemu.check"]
    sources     = concat([for name in fileset(local.debs, "*.deb") : "${local.debs}/${name}"], local.archives)
    destination = "/tmp/hadal-image/packages/"
  }

  provisioner "shell" {
    inline = [
      "chmod -R a+rX,u+x /tmp/hadal-image/scripts",
      "sudo mv -T /tmp/hadal-image /opt/hadal-image",
      "sudo /opt/hadal-image/scripts/install /opt/hadal-image/packages ${var.prebuilt_module ? "--prebuilt" : ""} ${var.hold_kernel ? "--hold-kernel" : ""} ${var.ask_docker ? "--ask-docker" : ""}",
    ]
  }

  # Into the kernel that the image boots, by which it is then verified.
  provisioner "shell" {
    inline            = ["sudo systemctl reboot"]
    expect_disconnect = true
    # Else Packer is at removing this script while the machine is away, and gives up after five minutes.
    skip_clean = true
  }

  # What comes next must not be run in the session that is about to die.
  provisioner "shell" {
    inline              = ["uptime"]
    pause_before        = "30s"
    start_retry_timeout = "30m"
    max_retries         = 3
  }

  provisioner "shell" {
    inline = ["sudo /opt/hadal-image/scripts/verify"]
  }

  provisioner "shell" {
    inline = ["sudo /opt/hadal-image/scripts/clean ${var.remove_toolchain ? "--remove-toolchain" : ""}"]
  }

  post-processor "manifest" {
    output = "build/image-manifest.json"
  }
}
