// SPDX-License-Identifier: MIT
//
// The image that Packer built: what is in it that must not be, and what it does when it
// is booted for the first time.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { runTests, test } from '../e2e/suite.mjs';
import { loadDecoder } from '../e2e/otlp-log-receiver.mjs';
import { closeSignatures, startCloud, wantToken } from '../aws/context.mjs';
import { Machine } from './machine.mjs';

const { IMAGE_DIRECTORY, OTLP_DECODER } = process.env;
const IMAGE = join(IMAGE_DIRECTORY, 'built/hadal.qcow2');
const TOKEN = 'the-token-of-the-receiver';
const INSTANCE = 'i-0123456789abcdef0';
const MINUTES = 60000;

// debugfs reads plain disks alone.
const RAW = join(IMAGE_DIRECTORY, 'hadal.raw');
execFileSync('qemu-img', ['convert', '-q', '-O', 'raw', IMAGE, RAW]);

/** What debugfs says of a path in the image; it has no status of its own for what is not there. */
function ask(command) {
	return execFileSync('debugfs', ['-R', command, RAW], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

const names = (directory) => ask(`ls -p ${directory}`).split('\n').filter(Boolean).map((line) => line.split('/')[5])
	.filter((name) => name && name !== '.' && name !== '..');

test('image: no private key is in it', async () => {
	assert.deepEqual(names('/var/lib/dkms').filter((name) => name.startsWith('mok')), []);
	assert.deepEqual(names('/etc/ssh').filter((name) => name.startsWith('ssh_host_')), []);
	assert.deepEqual(names('/home/builder/.ssh').filter((name) => name === 'authorized_keys'), []);
});

test('image: it does not know which machine it was', async () => {
	assert.match(ask('stat /etc/machine-id'), /Size: 0\b/);
	for (const directory of names('/var/lib').filter((name) => name.startsWith('hadal')))
		assert.deepEqual(names(`/var/lib/${directory}`), []);
});

test('image: what built it is gone, and the module is there', async () => {
	assert.deepEqual(names('/opt'), []);
	assert.deepEqual(names('/usr/bin').filter((name) => ['gcc', 'make', 'dkms'].includes(name)), []);
	assert.deepEqual(names('/usr/src'), []);
	const [kernel, ...others] = names('/lib/modules');
	assert.deepEqual(others, []);
	assert.match(names(`/lib/modules/${kernel}/updates`).join(), /^hadal\.ko/);
});

// All that is asked of AWS, and the receiver, is behind one port of the machine's loopback
// address, by systemd's own proxy: there plain http may carry a token. The disk has just
// the size of its file system, which cloud-init would take for a failure to make it larger.
const PORT = 8099;
const userData = (url) => `#cloud-config
resize_rootfs: false
write_files:
  - path: /etc/systemd/system/cloud.socket
    content: |
      [Socket]
      ListenStream=127.0.0.1:${PORT}
  - path: /etc/systemd/system/cloud.service
    content: |
      [Service]
      ExecStart=/lib/systemd/systemd-socket-proxyd ${url.replace('http://127.0.0.1', '10.0.2.2')}
  - path: /etc/hadal/hadald.d/50-user-data.conf
    content: |
      [otlp]
      endpoint = http://127.0.0.1:${PORT}
      token_parameter = /hadal/token
      token_endpoint = http://127.0.0.1:${PORT}
      [ec2]
      metadata = http://127.0.0.1:${PORT}
      [collector]
      interval = 5
runcmd:
  - [systemctl, daemon-reload]
  - [systemctl, start, cloud.socket]
  - [systemctl, --no-block, try-restart, hadald.service]
`;

function points({ path, body, headers }) {
	if (!path.endsWith('/metrics'))
		return [];
	const decoder = loadDecoder(OTLP_DECODER).collector.metrics.v1.ExportMetricsServiceRequest;
	const attributes = (list) => Object.fromEntries(list.map(({ key, value }) => [key, value.stringValue ?? value.intValue]));
	const plain = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
	return decoder.decode(plain).resourceMetrics.flatMap(({ resource, scopeMetrics }) => scopeMetrics.flatMap((scope) =>
		scope.metrics.flatMap(({ name, sum, gauge }) => (sum ?? gauge ?? { dataPoints: [] }).dataPoints.map((point) => (
			{ name, resource: attributes(resource.attributes), attributes: attributes(point.attributes) })))));
}

test('image: booted with user data, it fetches its token and reports, by the module', async (t) => {
	const cloud = await startCloud(t);
	cloud.kept = TOKEN;
	wantToken(cloud, () => TOKEN);
	const machine = new Machine(t, IMAGE_DIRECTORY, IMAGE, userData(cloud.url));
	// A slow one may have begun before it knew which instance it is.
	const told = () => cloud.taken().flatMap(points).filter(({ resource }) => resource['host.id'] === INSTANCE);
	const tells = (name, key, value) => told().some((point) => point.name === name && point.attributes[key] === value);
	await Promise.race([machine.ended, cloud.until(() =>
		tells('hadal.module.state', 'hadal.module.state', 'loaded') && tells('hadal.tcp.connection.opened', 'hadal.edge.role', 'client'))]);
	assert.ok(!machine.hasEnded, `the machine ended: ${machine.console()}`);
	assert.ok(cloud.others.some(({ headers }) => headers['x-amz-target'] === 'AmazonSSM.GetParameter'));
}, 45 * MINUTES);

const good = await runTests(process.argv.slice(2));
closeSignatures();
process.exitCode = good ? 0 : 1;
