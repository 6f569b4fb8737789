// SPDX-License-Identifier: MIT
//
// A virtual machine that boots an image as it is, on a disk that is thrown away, with
// user data on a disk as cloud-init takes it where there is no cloud (NoCloud).
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const LINE = 'root=/dev/vda rw console=ttyS0 net.ifnames=0 panic=-1 quiet';
// Without what is dear to emulate, as tests/vm/guest/machine.py has it.
const EMULATED_CPU = 'max,-erms,-fsrm,-la57', EMULATED_LINE = ' mitigations=off init_on_alloc=0';

export class Machine {
	/** @directory: has vmlinuz and initrd.img, and gets the console's log. */
	constructor(t, directory, image, userData) {
		const seed = join(directory, 'seed'), disk = join(directory, 'seed.iso'), overlay = join(directory, 'overlay.qcow2');
		const accelerator = process.env.HADAL_ACCELERATOR, isEmulated = accelerator !== 'kvm';
		this.log = join(directory, 'serial-boot.log');
		rmSync(seed, { recursive: true, force: true });
		mkdirSync(seed);
		writeFileSync(join(seed, 'meta-data'), 'instance-id: first-boot\nlocal-hostname: first-boot\n');
		writeFileSync(join(seed, 'user-data'), userData);
		execFileSync('xorriso', ['-as', 'genisoimage', '-quiet', '-volid', 'cidata', '-joliet', '-rock', '-output', disk, seed], { stdio: 'pipe' });
		execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', image, overlay]);
		this.process = spawn('qemu-system-x86_64', ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none',
			'-accel', accelerator, '-cpu', isEmulated ? EMULATED_CPU : 'host', '-smp', '2', '-m', '2048',
			'-kernel', join(directory, 'vmlinuz'), '-initrd', join(directory, 'initrd.img'), '-append', LINE + (isEmulated ? EMULATED_LINE : ''),
			'-drive', `file=${overlay},format=qcow2,if=virtio,cache=unsafe`,
			'-drive', `file=${disk},format=raw,if=virtio,readonly=on`,
			'-netdev', 'user,id=net', '-device', 'virtio-net-pci,netdev=net,romfile=',
			'-serial', `file:${this.log}`], { stdio: ['ignore', 'inherit', 'inherit'] });
		this.hasEnded = false;
		this.ended = new Promise((done) => this.process.on('close', () => { this.hasEnded = true; done(); }));
		t.after(() => this.end());
	}

	/** The end of what it said. */
	console() {
		return readFileSync(this.log, 'utf8').slice(-3000);
	}

	async end() {
		this.process.kill('SIGTERM');
		await this.ended;
	}
}
