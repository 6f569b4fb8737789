// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from '../e2e/suite.mjs';
import { run, scratch } from './command.mjs';

const TEMPLATES = 'packaging/packer';
const SCRIPTS = ['tests/suites/16-cloud', 'tests/image/run', ...readdirSync(`${TEMPLATES}/scripts`).map((name) => `${TEMPLATES}/scripts/${name}`)];

/** The templates as far as Debian's Packer knows their words, with what they name put there. */
function subset(t) {
	const directory = scratch(t);
	run('tests/cloud/packer-subset', [TEMPLATES, directory]);
	for (const name of ['hadal.rpm', 'hadal.deb', 'hadal.dkms.tar.gz'])
		writeFileSync(join(directory, name), '');
	cpSync(`${TEMPLATES}/scripts`, join(directory, 'scripts'), { recursive: true });
	for (const name of ['base.qcow2', 'vmlinuz', 'initrd.img'])
		writeFileSync(join(directory, name), '');
	run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'id_builder')]);
	return directory;
}

function validate(directory, source, ...more) {
	const packages = relative(process.cwd(), directory);	// as the defaults are
	const variables = ['-var', `rpm_directory=${packages}`, '-var', `deb_directory=${packages}`, '-var', `check_directory=${directory}`];
	run('packer', ['validate', `-only=${source}`, ...variables, ...more, directory]);
}

test('packer: templates are formatted as packer fmt does it', async () => {
	run('packer', ['fmt', '-check', '-diff', TEMPLATES]);
});

test('packer: templates are valid, each of their images', async (t) => {
	const directory = subset(t);
	const sources = [...readFileSync(`${TEMPLATES}/build.pkr.hcl`, 'utf8').matchAll(/^  source "([a-z-]+)\.\w+" \{\n +name += "(\w+)"/gm)]
		.map(([, type, name]) => `${type}.${name}`);
	assert.deepEqual(sources, ['amazon-ebs.al2023_x86_64', 'amazon-ebs.al2023_arm64', 'amazon-ebs.own', 'qemu.check']);
	for (const source of sources) {
		validate(directory, source);
		validate(directory, source, '-var', 'prebuilt_module=true', '-var', `module_directory=${directory}`);
	}
});

// Of each image: a name of none would be valid too.
test('packer: what Packer does not know is found, but for what is newer than it', async (t) => {
	const mistakes = { 'amazon.pkr.hcl': ['amazon-ebs.al2023_x86_64', 'amazon-ebs.al2023_arm64', 'amazon-ebs.own'], 'qemu.pkr.hcl': ['qemu.check'] };
	for (const [name, sources] of Object.entries(mistakes)) {
		const directory = subset(t), path = join(directory, name), text = readFileSync(path, 'utf8');
		assert.doesNotMatch(text, /metadata_options/);
		writeFileSync(path, text.replace(/^source .*$/m, '$&\n  ssh_user_name = "x"'));
		for (const source of sources)
			assert.throws(() => validate(directory, source), /ssh_user_name/, source);
	}
});

test('packer: instances that build have IMDSv2 alone, and so have those of the images', async () => {
	const [common, build] = ['amazon', 'build'].map((name) => readFileSync(`${TEMPLATES}/${name}.pkr.hcl`, 'utf8'));
	assert.match(common, /http_tokens += "required"/);
	assert.match(common, /imds_support += "v2\.0"/);
	assert.doesNotMatch(build, /metadata_options|imds_support|"amazon-ebs\.(?!image")\w+" \{/);
});

// It would be tried while the machine is away, and that for five minutes at most.
test('packer: of a step that reboots no script is removed', async () => {
	const steps = [...readFileSync(`${TEMPLATES}/build.pkr.hcl`, 'utf8').matchAll(/^  provisioner "shell" \{\n[^]*?^  \}\n/gm)].map(([step]) => step);
	const reboots = steps.filter((step) => step.includes('systemctl reboot'));
	assert.equal(reboots.length, 1);
	assert.match(reboots[0], /^ +skip_clean += true$/m);
});

test('packer: scripts are clean by shellcheck', async () => {
	run('shellcheck', ['-x', '-P', 'SCRIPTDIR', '-e', 'SC2317', ...SCRIPTS]);	// SC2317: what is called by its name in a variable
});

/** Whether verify's look at DKMS is content; dkms says @lines, of one kernel those with its name. */
function verifyTakes(t, lines) {
	const directory = scratch(t), dkms = join(directory, 'dkms');
	// Slowly, as one that looks at each kernel in turn.
	writeFileSync(dkms, `#!/bin/bash\n${lines.map((line) => `[[ '${line}' != *"\${4-}"* ]] || { echo '${line}'; sleep 0.05; }\n`).join('')}`);
	chmodSync(dkms, 0o755);
	const [look] = readFileSync(`${TEMPLATES}/scripts/verify`, 'utf8').match(/^dkms_has_it\(\) \{\n[^]*?^\}\n/m);
	const { status } = spawnSync('bash', ['-c', `set -euo pipefail\nkernel=6.1.9\n${look}\nif dkms_has_it; then exit 0; fi\nexit 3`],
		{ env: { ...process.env, PATH: `${directory}:${process.env.PATH}` } });
	assert.ok([0, 3].includes(status), `exit status ${status}`);
	return status === 0;
}

test('packer: verify wants the module of each kernel that DKMS has it for, and of this one', async (t) => {
	const of = (kernel, state = 'installed') => `hadal/0.1.0, ${kernel}, x86_64: ${state}`;
	assert.ok(verifyTakes(t, [of('6.1.9')]));
	assert.ok(verifyTakes(t, [of('6.1.9'), of('6.12.7')]));
	assert.ok(verifyTakes(t, [of('6.12.7'), of('6.1.9'), of('6.12.8')]));
	assert.ok(!verifyTakes(t, []));
	assert.ok(!verifyTakes(t, [of('6.12.7'), of('6.12.8')]));
	assert.ok(!verifyTakes(t, [of('6.12.7', 'built'), of('6.1.9'), of('6.12.8')]));
	assert.ok(!verifyTakes(t, [of('6.1.9'), of('6.12.7', 'built')]));
});

/** What is held of packages that match install's patterns: @packages are all that there are; like Debian's, dpkg-query fails
 * where a pattern matches none. */
function held(t, packages) {
	const directory = scratch(t), list = join(directory, 'held');
	writeFileSync(join(directory, 'dpkg-query'), `#!/bin/bash
status=0
for pattern in "\${@:4}"; do
	found=
	for name in ${packages.join(' ')}; do [[ $name != $pattern ]] || { echo "$name installed"; found=1; }; done
	[ -n "$found" ] || status=1
done
exit $status
`);
	writeFileSync(join(directory, 'apt-mark'), `#!/bin/bash\n[ "$1" = hold ]\nprintf '%s\\n' "\${@:2}" >${list}\n`);
	for (const name of ['dpkg-query', 'apt-mark'])
		chmodSync(join(directory, name), 0o755);
	const taken = Object.entries({ common: 'installed_debs', install: 'hold_debs' }).map(([script, name]) =>
		readFileSync(`${TEMPLATES}/scripts/${script}`, 'utf8').match(new RegExp(`^${name}\\(\\) \\{.*\\n[^]*?^\\}\\n`, 'm'))[0]);
	run('bash', ['-c', `set -euo pipefail\nPATH=${directory}:$PATH\n${taken.join('')}hold_debs`]);
	return readFileSync(list, 'utf8').trim().split('\n');
}

test('packer: install holds the kernel, with its headers and where there are none', async (t) => {
	assert.deepEqual(held(t, ['linux-image-6.1.9', 'bash', 'linux-headers-6.1.9']), ['linux-image-6.1.9', 'linux-headers-6.1.9']);
	assert.deepEqual(held(t, ['linux-image-6.1.9', 'bash']), ['linux-image-6.1.9']);
});

test('packer: each variable is described, and told of in docs/ami.md', async () => {
	const text = readFileSync(`${TEMPLATES}/variables.pkr.hcl`, 'utf8'), told = readFileSync('docs/ami.md', 'utf8');
	const variables = [...text.matchAll(/^variable "([a-z0-9_]+)" \{\n([^]*?)^\}/gm)];
	assert.ok(variables.length > 10);
	for (const [, name, body] of variables) {
		assert.match(body, /^ +description = ".+\."$/m, name);
		assert.ok(name.startsWith('check_') || told.includes(`\`${name}\``), name);
	}
});
