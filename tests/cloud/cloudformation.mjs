// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from '../e2e/suite.mjs';
import { checkUserData } from './command.mjs';
import { YAML, problems, readTemplate, resolve } from './template.mjs';
import { unknownOtlpNames } from './names.mjs';

const DIRECTORY = 'packaging/cloudformation';
const cluster = () => readTemplate(`${DIRECTORY}/hadal-ecs.yaml`);
const alarms = () => readTemplate(`${DIRECTORY}/hadal-alarms.yaml`);

for (const [name, read] of Object.entries({ 'hadal-ecs.yaml': cluster, 'hadal-alarms.yaml': alarms }))
	test(`cloudformation: ${name} is what AWS's specification has`, async () => {
		assert.deepEqual(problems(read()), []);
	});

// What a check does not find it can't be trusted with.
const mistakes = {
	'a type that is not there': [(t) => { t.Resources.Cluster.Type = 'AWS::ECS::Clusters'; }, /no type AWS::ECS::Clusters/],
	'a property that is not there': [(t) => { t.Resources.LaunchTemplate.Properties.LaunchTemplateData.MetadataOptions.HttpToken = 'required'; },
		/MetadataOptions: MetadataOptions has no HttpToken$/],
	'a property that is missing': [(t) => { delete t.Resources.AutoScalingGroup.Properties.MaxSize; }, /AutoScalingGroup: MaxSize is missing/],
	'a value of another type': [(t) => { t.Resources.CapacityProviders.Properties.DefaultCapacityProviderStrategy[0].Weight = 'one'; },
		/Weight: "one" is no integer/],
	'a text where a list is due': [(t) => { t.Resources.InstanceProfile.Properties.Roles = 'role'; }, /Roles: is no list/],
	'a name that leads nowhere': [(t) => { t.Resources.AgentPolicy.Properties.RoleName = { Ref: 'Role' }; }, /names Role, which is not there/],
	'an attribute that is not there': [(t) => { t.Outputs.ClusterArn.Value = { 'Fn::GetAtt': ['Cluster', 'Name'] }; },
		/AWS::ECS::Cluster has no attribute Name/],
	'a condition that is not there': [(t) => { t.Resources.Events.Condition = 'ToCloud'; }, /the condition ToCloud, which is not there/],
	'a parameter without use': [(t) => { t.Parameters.Spare = { Type: 'String' }; }, /Spare: is used nowhere/],
};
for (const [what, [make, said]] of Object.entries(mistakes))
	test(`cloudformation: the check finds ${what}`, async () => {
		const template = cluster();
		make(template);
		const found = problems(template);
		assert.ok(found.length >= 1 && found.some((line) => said.test(line)), found.join('\n'));
	});

const userDataOf = (template, parameters) =>
	YAML.parse(resolve(template, template.Resources.LaunchTemplate.Properties.LaunchTemplateData.UserData, parameters));

const ENDPOINT = 'https://collector.example:4318';
const SECRET = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:hadal-AbCdEf';
const ways = {
	'CloudWatch': [{}, /^metrics_endpoint = https:\/\/monitoring\.eu-west-1\.amazonaws\.com\/v1\/metrics\nlogs_endpoint = .*\nlogs_headers = .*\nauth = sigv4$/m],
	'a receiver with a parameter': [{ OtlpEndpoint: ENDPOINT, TokenParameter: '/hadal/token' },
		/^endpoint = https:\/\/collector\.example:4318\n[^=]*token_parameter = \/hadal\/token$/m],
	'a receiver with a secret': [{ OtlpEndpoint: ENDPOINT, TokenSecretArn: SECRET, EcsApi: 'on' },
		/^token_secret = arn:aws:secretsmanager:\S+\n\n?\[ecs\]\napi = on$/m],
	'a receiver with a secret of several texts': [{ OtlpEndpoint: ENDPOINT, TokenSecretArn: SECRET, TokenField: 'otlp-token' },
		/^token_secret = arn:aws:secretsmanager:\S+\ntoken_field = otlp-token$/m],
	'a receiver without a token': [{ OtlpEndpoint: ENDPOINT }, /^endpoint = https:\/\/collector\.example:4318$/m],
};
for (const [way, [parameters, said]] of Object.entries(ways))
	test(`cloudformation: hadald takes the user data for ${way}`, async (t) => {
		const userData = userDataOf(cluster(), parameters);
		assert.match(checkUserData(t, userData)['50-user-data.conf'], said);
		assert.match(userData.write_files[0].content, /^ECS_CLUSTER=Cluster$/m);
	});

test('cloudformation: each permission is there just where it is wanted', async () => {
	const template = cluster();
	const granted = (parameters) => Object.values(template.Resources)
		.filter((one) => one.Type === 'AWS::IAM::RolePolicy' && (!one.Condition || resolve(template, template.Conditions[one.Condition], parameters)))
		.flatMap((one) => one.Properties.PolicyDocument.Statement.flatMap((statement) => statement.Action))
		.filter((action) => !/^ecs:(Discover|Register|Deregister|Submit|Poll|Start|Update)/.test(action)).sort();
	assert.deepEqual(granted({}), ['cloudwatch:PutMetricData', 'logs:PutLogEvents']);
	assert.deepEqual(granted({ OtlpEndpoint: ENDPOINT }), []);
	assert.deepEqual(granted({ OtlpEndpoint: ENDPOINT, TokenParameter: '/hadal/token', TokenKeyArn: 'arn' }), ['kms:Decrypt', 'ssm:GetParameter']);
	assert.deepEqual(granted({ OtlpEndpoint: ENDPOINT, TokenSecretArn: SECRET, EcsApi: 'on' }), ['ecs:DescribeTasks', 'secretsmanager:GetSecretValue']);
});

test('cloudformation: no policy allows all actions of a service', async () => {
	for (const { Properties } of Object.values(cluster().Resources).filter((one) => one.Type === 'AWS::IAM::RolePolicy'))
		for (const statement of Properties.PolicyDocument.Statement)
			for (const action of [statement.Action].flat())
				assert.match(action, /^[a-z]+:[A-Z][A-Za-z]+$/);
});

test('cloudformation: defaults of parameters match their patterns', async () => {
	for (const [name, one] of [...Object.entries(cluster().Parameters), ...Object.entries(alarms().Parameters)])
		if ('Default' in one && one.AllowedPattern)
			assert.match(one.Default, new RegExp(`^(${one.AllowedPattern})$`), name);
});

test('cloudformation: alarms ask for metrics and attributes that hadald ships', async () => {
	const queries = Object.values(alarms().Resources).map((one) => one.Properties.EvaluationCriteria.PromQLCriteria.Query);
	const texts = queries.map((query) => query['Fn::Sub'] ?? query);
	assert.ok(texts.length >= 6);
	assert.deepEqual(texts.flatMap(unknownOtlpNames), []);
	assert.deepEqual(unknownOtlpNames('{"hadal.tcp.oi", "@resource.host.idea"="x"}'), ['hadal.tcp.oi', 'host.idea']);
});

// Of several clusters in a region each has alarms by its name.
test('cloudformation: alarms are of their cluster alone', async () => {
	for (const [name, { Properties }] of Object.entries(alarms().Resources))
		assert.match(Properties.EvaluationCriteria.PromQLCriteria.Query['Fn::Sub'] ?? '', /"@resource\.service\.namespace"="\$\{Cluster\}"/, name);
});

test('cloudformation: hadald takes the sample of user data', async (t) => {
	const text = readFileSync(`${DIRECTORY}/user-data.yaml`, 'utf8');
	assert.match(text, /^#cloud-config\n/);
	assert.match(checkUserData(t, YAML.parse(text))['50-user-data.conf'], /^token_parameter = /m);
});
