# What leaves a member that is lost, and what goes back to one that has returned: functions of the job in failover.py.
# They run in jq 1.6 and later. docs/decisions/0141 has the rule and its reasons.

def user: "fleet:failover";
def mark: "fleet/evicted";
def record: "fleet/before-failover";

# Members, as Karmada's Cluster objects.

def ready_condition: (.status.conditions // [])[] | select(.type == "Ready");
def is_ready: (.metadata.deletionTimestamp | not) and any(ready_condition; .status == "True");
def unchanged_for($seconds): any(ready_condition; now - (.lastTransitionTime | fromdate) >= $seconds);

# The members that have not been ready for so long. While no other member has been ready for twice as long nobody is
# lost: it is Karmada that was away, and agents may need that long to come back.
def lost($seconds):
  . as $members
  | .[]
  | select((.metadata.deletionTimestamp | not) and (is_ready | not) and unchanged_for($seconds))
  | select(any($members[]; is_ready and unchanged_for(2 * $seconds)));

# Where a binding may be, as Karmada's scheduler filters members (pkg/util/selector.go, ClusterMatches).

def satisfies($requirement):
  if $requirement.operator == "In" then any(.[]; IN($requirement.values[]))
  elif $requirement.operator == "NotIn" then all(.[]; IN($requirement.values[]) | not)
  elif $requirement.operator == "Exists" then . != []
  elif $requirement.operator == "DoesNotExist" then . == []
  else false end;

def requirements:
  ((.matchLabels // {}) | to_entries[] | {key, operator: "In", values: [.value]}), (.matchExpressions // [])[];

def matches($affinity):
  .metadata as {$name, $labels}
  | {provider: [.spec.provider // empty], region: [.spec.region // empty], zone: (.spec.zones // [])} as $fields
  | ($name | IN(($affinity.exclude // [])[]) | not)
    and ($affinity.clusterNames // [] | . == [] or any(.[]; . == $name))
    and all($affinity.labelSelector // {} | requirements; . as $wanted | [$labels[.key] // empty] | satisfies($wanted))
    and all($affinity.fieldSelector // {} | requirements; . as $wanted | $fields[.key] // [] | satisfies($wanted));

# Of groups of members Karmada's scheduler takes the one it is at, or a later one.
def may_be_in($member; $group):
  any(.spec.placement
      | if .clusterAffinities
        then .clusterAffinities | .[map(.affinityName) | index($group // "") // 0:][] | ., (.overflowAffinities // [])[]
        else .clusterAffinity // {} end;
    . as $affinity | $member | matches($affinity));

# The members that could take what a binding loses; one from which it is being evicted cannot.
def others($members; $lost):
  . as $binding
  | [$members[]
     | select(is_ready and .metadata.name != $lost)
     | select(. as $member | $binding | may_be_in($member; .status.schedulerObservingAffinityName))
     | .metadata.name]
    - [($binding.spec.gracefulEvictionTasks // [])[].fromCluster];

def is_divided:
  .spec.placement.replicaScheduling.replicaSchedulingType == "Divided" and (.spec.replicas // 0) > 0;

def is_divided_by_static_weights:
  is_divided
  and (.spec.placement.replicaScheduling
       | .replicaDivisionPreference == "Weighted" and ((.weightPreference.dynamicWeight // "") == ""));

# Where replicas are not divided, those that have the object already gain nothing.
def gets_elsewhere($members; $lost):
  others($members; $lost) as $others
  | if is_divided then $others != [] else $others - [.spec.clusters[].name] != [] end;

# What tolerates the taints by which Karmada keeps a lost member empty would be placed there again.
def tolerates($taint):
  any((.spec.placement.clusterTolerations // [])[];
    (.effect // $taint.effect) == $taint.effect
    and (.key // $taint.key) == $taint.key
    and (.operator == "Exists" or (.value // "") == ($taint.value // "")));

def is_kept_out_of($member):
  . as $binding
  | any(($member.spec.taints // [])[]; . as $taint | .effect != "PreferNoSchedule" and ($binding | tolerates($taint) | not));

# A policy says so itself. Directly is no way out of a member that does not answer: Karmada then waits until the member
# has removed what it runs (pkg/controllers/binding, checkDirectPurgeOrphanWorks).
def may_move($stateless):
  if .spec.failover.cluster then (.spec.failover.cluster.purgeMode // "Gracefully") == "Gracefully"
  else $stateless[.spec.resource.uid // ""] // false end;

def leaves($member; $members; $stateless):
  any((.spec.clusters // [])[]; .name == $member.metadata.name)
  and (.spec.suspension.scheduling | not)
  and may_move($stateless)
  and is_kept_out_of($member)
  and gets_elsewhere($members; $member.metadata.name);

# What a binding was before its first member was lost: the members that are its home, and those of them that it has left,
# with its replicas there.

def before_failover:
  (.metadata.annotations[record] // "null" | fromjson) // {home: [(.spec.clusters // [])[].name], left: {}};

def remember($before):
  if $before.left == {} then del(.metadata.labels[mark], .metadata.annotations[record])
  else .metadata.labels[mark] = "" | .metadata.annotations[record] = ($before | tojson) end;

# Changes to a binding.

# As GracefulEvictCluster does (pkg/apis/work/v1alpha2/binding_types_helper.go).
def evict($member; $come_home):
  $member.metadata.name as $name
  | [.spec.clusters[] | select(.name == $name)][0].replicas as $replicas
  | [$member | ready_condition][0].lastTransitionTime as $since
  | before_failover as $before
  | .spec.clusters |= map(select(.name != $name))
  | if any((.spec.gracefulEvictionTasks // [])[]; .fromCluster == $name) then . else
      .spec.gracefulEvictionTasks += [
        {fromCluster: $name, purgeMode: "Gracefully", producer: user, reason: "ClusterNotReady",
         message: "\($name) has not been ready since \($since)"}
        + if $replicas then {$replicas} else {} end]
    end
  | if $come_home and ($name | IN($before.home[])) then remember($before | .left[$name] = $replicas) else . end;

def evict_from_lost($members; $lost; $stateless; $come_home):
  reduce $lost[] as $member (.; if leaves($member; $members; $stateless) then evict($member; $come_home) else . end);

# A member that is ready again before its replicas run elsewhere keeps them at once, since they are still there.
def takes_back($member; $seconds):
  $member.metadata.name as $name
  | [(.spec.gracefulEvictionTasks // [])[] | select(.fromCluster == $name)] as $tasks
  | ($member | is_ready)
    and if $tasks == [] then $member | unchanged_for($seconds) else all($tasks[]; .producer == user) end;

# Of too many replicas the scheduler takes some away again; by static weights it divides all of them anew, if it is told.
def put_back($member; $before):
  $member.metadata.name as $name
  | $before.left[$name] as $replicas
  | if .spec.gracefulEvictionTasks then .spec.gracefulEvictionTasks |= map(select(.fromCluster != $name)) else . end
  | if any((.spec.clusters // [])[]; .name == $name) then . else
      .spec.clusters += [{$name} + if $replicas then {$replicas} else {} end]
    end
  | if is_divided_by_static_weights then .spec.rescheduleTriggeredAt = (now | floor | todate) else . end;

# When the last member is back, those that took over give up what they had not had, unless weights say what they have. A
# member that is no more, or that the policy does not allow any more, is forgotten.
def bring_home($members; $seconds):
  if .metadata.annotations[record] == null then . else
    . as $binding
    | before_failover as $before
    | [$members[] | select(. as $member | $binding | may_be_in($member; null))] as $allowed
    | [$allowed[]
       | select(.metadata.name | in($before.left))
       | select(. as $member | $binding | takes_back($member; $seconds))] as $back
    | ($before.left | keys - [$allowed[].metadata.name]) as $gone
    | ($before | .left |= delpaths([$gone[], $back[].metadata.name | [.]])) as $after
    | reduce $back[] as $member (.; put_back($member; $before))
    | if $back == [] or $after.left != {} or is_divided_by_static_weights then .
      else .spec.clusters |= map(select(.name | IN($before.home[]))) end
    | if $after == $before then . else remember($after) end
  end;

# Of groups of members Karmada's scheduler never takes an earlier one again, unless it has forgotten where it was.
def is_in_later_group:
  .status.schedulerObservingAffinityName as $group
  | .spec.placement.clusterAffinities // []
  | map(.affinityName) | $group != null and (index($group) // 0) > 0;

def changed($before):
  [["metadata", "labels"], ["metadata", "annotations"],
   ["spec", "clusters"], ["spec", "gracefulEvictionTasks"], ["spec", "rescheduleTriggeredAt"]][] as $path
  | getpath($path)
  | select(. != ($before | getpath($path)))
  | {op: "add", path: "/\($path | join("/"))", value: .};

# What the job does: it reads these paths, and makes these patches, one a line: namespace, name, flag and JSON patch.

def paths($seconds; $come_home):
  if any(.items | lost($seconds); true)
  then "/apis/work.karmada.io/v1alpha2/resourcebindings", "/apis/apps/v1/deployments"
  elif $come_home then "/apis/work.karmada.io/v1alpha2/resourcebindings?labelSelector=\(mark | @uri)"
  else empty end;

def patch_of($members; $lost; $stateless; $seconds; $come_home):
  . as $before
  | (if $come_home then bring_home($members; $seconds) else . end) as $home
  | if $home.spec != .spec and is_in_later_group
    then ["status", {op: "remove", path: "/status/schedulerObservingAffinityName"}]
    else ["", ($home | evict_from_lost($members; $lost; $stateless; $come_home) | changed($before))] end
  | select(length > 1)
  | ([{op: "test", path: "/metadata/resourceVersion", value: $before.metadata.resourceVersion}] + .[1:]) as $patch
  | "\($before.metadata.namespace) \($before.metadata.name) --subresource=\(.[0]) \($patch | tojson)";

def items($kind): .[] | select(.kind == $kind).items[];

def patches($seconds; $come_home):
  [items("ClusterList")] as $members
  | [$members | lost($seconds)] as $lost
  | ([items("DeploymentList")
      | select(any((.spec.template.spec.volumes // [])[]; .persistentVolumeClaim) | not)
      | {(.metadata.uid): true}]
     | add // {}) as $stateless
  | items("ResourceBindingList")
  | select(.metadata.deletionTimestamp | not)
  # One that cannot be understood is told, and stops no other.
  | try patch_of($members; $lost; $stateless; $seconds; $come_home) catch (debug | empty);
