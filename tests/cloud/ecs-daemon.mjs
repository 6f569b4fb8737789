// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from '../e2e/suite.mjs';
import { run, scratch } from './command.mjs';
import { problemsOf } from './template.mjs';

const definition = () => JSON.parse(readFileSync('packaging/ecs-daemon/task-definition.json', 'utf8'));

// The ECS API begins names with small letters, CloudFormation the same names with capital ones.
function capital(what) {
	if (Array.isArray(what))
		return what.map(capital);
	if (!what || typeof what !== 'object')
		return what;
	return Object.fromEntries(Object.entries(what).map(([key, value]) => [key[0].toUpperCase() + key.slice(1), capital(value)]));
}

const found = (task) => problemsOf('AWS::ECS::TaskDefinition', capital(task));

test("ecs-daemon: the task definition is what AWS's specification has", async () => {
	assert.deepEqual(found(definition()), []);
});

test('ecs-daemon: the check finds a name that is not there and a value that is none', async () => {
	const task = definition();
	task.containerDefinitions[0].readonlyRootFilesytem = true;
	task.containerDefinitions[0].memory = 'much';
	assert.deepEqual(found(task).map((line) => line.replace(/.*: /, '')),
		['ContainerDefinition has no ReadonlyRootFilesytem', '"much" is no integer']);
});

test('ecs-daemon: each mount has its volume and each volume its mount', async () => {
	const { volumes, containerDefinitions: [container] } = definition();
	assert.deepEqual(container.mountPoints.map((mount) => mount.sourceVolume).sort(), volumes.map((volume) => volume.name).sort());
	const writable = container.mountPoints.filter((mount) => !mount.readOnly).map((mount) => mount.containerPath);
	assert.deepEqual(writable, ['/var/lib/hadal']);
	assert.equal(container.readonlyRootFilesystem, true);
});

// What the drop-in for hosts without the module gives the service, this gives the task.
test('ecs-daemon: it has the capabilities of the service without the module', async () => {
	const capabilities = (path) => [...readFileSync(path, 'utf8').matchAll(/^CapabilityBoundingSet=(.*)$/gm)]
		.flatMap(([, names]) => names.split(' ')).map((name) => name.replace('CAP_', ''));
	const service = [...capabilities('packaging/systemd/hadald.service'), ...capabilities('packaging/systemd/degraded.conf')];
	const { add, drop } = definition().containerDefinitions[0].linuxParameters.capabilities;
	assert.deepEqual(drop, ['ALL']);
	assert.deepEqual([...add].sort(), [...new Set(service)].sort());
});

test('ecs-daemon: of packages of several architectures the image gets its own', async (t) => {
	const directory = scratch(t), own = run('dpkg', ['--print-architecture']).trim();
	const [packages] = readFileSync('packaging/ecs-daemon/Dockerfile', 'utf8').match(/\/packages\/hadal_.*?\.deb(?= &&)/);
	for (const architecture of ['amd64', 'arm64'])
		writeFileSync(join(directory, `hadal_0.1.0_${architecture}.deb`), '');
	assert.equal(run('sh', ['-c', `echo ${packages.replace('/packages', directory)}`]).trim(), join(directory, `hadal_0.1.0_${own}.deb`));
});
