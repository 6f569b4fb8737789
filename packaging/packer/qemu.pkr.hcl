# SPDX-License-Identifier: MIT
#
# For make check-image: what builds an AMI, tried without AWS on a Debian root that
# tests/image/run makes. The disk has no boot loader, so that QEMU is given its kernel.

source "qemu" "check" {
  disk_image       = true
  iso_url          = "${var.check_directory}/base.qcow2"
  iso_checksum     = "none"
  output_directory = "${var.check_directory}/built"
  vm_name          = "hadal.qcow2"
  format           = "qcow2"
  use_backing_file = false
  skip_resize_disk = true

  accelerator    = "none" # by an argument of its own, below
  cpus           = 2
  memory         = 2048
  headless       = true
  disable_vnc    = true
  disk_interface = "virtio"
  net_device     = "virtio-net-pci"
  boot_wait      = "1s"

  qemuargs = [
    ["-accel", var.check_accelerator],
    ["-kernel", "${var.check_directory}/vmlinuz"],
    ["-initrd", "${var.check_directory}/initrd.img"],
    ["-append", "root=/dev/vda rw console=ttyS0 net.ifnames=0 panic=-1 quiet mitigations=off init_on_alloc=0"],
    ["-serial", "file:${var.check_directory}/serial-build.log"],
    # Without what is dear to emulate, as tests/vm/guest/machine.py has it.
    ["-cpu", "max,-erms,-fsrm,-la57"],
  ]

  communicator         = "ssh"
  ssh_username         = "builder"
  ssh_private_key_file = "${var.check_directory}/id_builder"
  ssh_timeout          = "30m"
  shutdown_command     = "sudo systemctl poweroff"
  shutdown_timeout     = "15m"
}
